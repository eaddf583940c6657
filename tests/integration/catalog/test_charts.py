"""Every chart of the catalog whose image can be built here, wired to real servers. Heavy.

Works on the project's own `build/`, on what `make run-all` built.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.app.app import App
from builder.app.load import load
from builder.app.options import Options
from builder.plan.models import Plan
from tests.integration.chart.wired import OBJECT, run_wired
from tests.integration.starter import ROOT, TODAY

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]
SESSION = App(load(ROOT), Options(today=TODAY, engine="podman"))
IDES = sorted(
    name
    for name, chart in SESSION.catalog.matrix.charts.items()
    if "init" in SESSION.catalog.charts[chart.recipe].features
)


def first_image(plan: Plan, chart: str) -> tuple[str, set[str]]:
    """What a chart runs, by digest, and the languages of that image."""
    variants = SESSION.project.expansion.charts[chart]
    for variant in variants:
        for target in SESSION.project.expansion.members[variant.id].values():
            item = plan.targets.get(target)
            if item is not None and item.digest:
                return str(item.repository.at(item.digest)), {"python", "r"} & set(variant.values)
    return pytest.skip(f"no image of the chart {chart} is in the registry")


@pytest.mark.parametrize("chart", IDES)
def test_a_session_has_all_that_the_chart_was_told(chart: str, tmp_path: Path) -> None:
    with SESSION.registry():
        plan = SESSION.plan(lock=SESSION.locked(), to_run=False).plan
        image, languages = first_image(plan, chart)
        log = SESSION.state.log(f"wired-{chart}")
        log.unlink(missing_ok=True)
        wired, counts = run_wired(SESSION, chart, image, tmp_path, log)
    assert counts.passed > 0
    expected = {"project": "main", "vault": "kept in Vault", "duckdb": OBJECT}
    assert {key: wired.found.get(key) for key in {*expected, *languages}} == {
        **expected, **dict.fromkeys(languages, OBJECT)
    }  # fmt: skip
    assert {request.path for request in wired.proxied} == {"mirror.example:443"}
