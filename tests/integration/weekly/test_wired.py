"""The starter's charts, wired to real servers: what a launch from the form gives a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.oci.reference import parse
from tests.integration.chart.wired import OBJECT, run_wired
from tests.integration.starter import Catalog

# As OpenShift starts a pod: a uid of nobody, with group 0.
NOBODY = {"securityContext": {"runAsUser": 123456, "runAsGroup": 0}}


@pytest.mark.parametrize(
    ("chart", "languages", "more"),
    [
        ("jupyter-python", {"python"}, {}),
        pytest.param("jupyter-r", {"r"}, NOBODY, marks=pytest.mark.heavy),
    ],
    ids=["jupyter-python", "jupyter-r as nobody"],
)
def test_a_session_has_all_that_the_chart_was_told(
    starter: Catalog, chart: str, languages: set[str], more: dict[str, object], tmp_path: Path
) -> None:
    session = starter.session()
    with session.registry():
        image = str(parse(session.catalog.matrix.repository_of(chart)).with_tag("latest"))
        wired, counts = run_wired(
            session, chart, image, tmp_path, starter.state / "wired.log", more
        )
    assert counts.passed > 8
    expected = {"project": "main", "vault": "kept in Vault", "duckdb": OBJECT}
    expected |= dict.fromkeys(languages, OBJECT)
    # JupyterLab brings a Python where the image offers none.
    assert {key: wired.found.get(key) for key in expected} == expected
    assert {request.path for request in wired.proxied} == {"mirror.example:443"}
