"""Commands that change releases: what they print, on registries in memory."""

from __future__ import annotations

import json

import pytest

from builder.cli.wiring import Session
from tests.cli.conftest import Run
from tests.fakes.catalog import Week
from tests.fakes.releases import change, record

HERE = ("--registry", "127.0.0.1:5999", "--today", "2026-12-07")


@pytest.fixture
def weeks(week: Week, monkeypatch: pytest.MonkeyPatch) -> Week:
    """Two weeks, the second with a change, in the registry that commands get."""
    monkeypatch.setattr(Session, "store", week.store)
    week.go_by()
    change(week)
    week.go_by(today="2026-11-30")
    return week


def test_a_rollback(weeks: Week, run: Run) -> None:
    new, old = record(weeks), record(weeks, "2026.11.23")
    moved = "".join(
        f"127.0.0.1:5999/shop-{item.image}:{tag}: {item.digest[:19]} →"
        f" {old.targets[key].digest[:19]}\n"
        for key, item in new.targets.items()
        if old.targets[key].digest != item.digest
        for tag in item.rolling
    )
    told = (
        "2026.12.07: what 2026.11.23 offered, in place of 2026.11.30\n"
        "chart desk: 1.0.1 → 1.0.2, with what 1.0.0 held\n"
        f"{moved}"
        "1 new chart; of the tags 10 named something else, 6 nothing\n"
    )
    before = dict(weeks.store.named)
    assert run("rollback", "2026.11.23", *HERE, "--dry-run") == (
        0, f"{told}nothing was written: without --dry-run it is\n", "",
    )  # fmt: skip
    assert weeks.store.named == before
    assert run("rollback", "2026.11.23", *HERE) == (
        0,
        f"{told}matrix.lock is as it was: `builder publish` or `builder weekly` would go forward"
        " again; --write-lock makes it that of 2026.11.23\n",
        "recording 2026.12.07\nmoving tags\n",
    )
    assert record(weeks).release == "2026.12.07"
    charts = weeks.state / "charts"
    assert 'version: "1.0.2"' in (charts / "index.yaml").read_text()
    assert (charts / "desk-1.0.2.tgz").is_file()
    assert run("rollback", "2026.11.23", *HERE).out.startswith(
        "2026.12.07 offers what 2026.11.23 did: nothing to do\n"
    )


def test_a_rollback_that_restores_the_lock(weeks: Week, run: Run) -> None:
    lock = weeks.folder.root / "matrix.lock"
    held = json.loads(lock.read_text())
    lock.write_text(json.dumps({**held, "lines": {}}))
    found = run("rollback", "2026.11.23", *HERE, "--write-lock")
    assert found.out.endswith(
        "\nmatrix.lock is that of 2026.11.23; `builder weekly` would upgrade it again\n"
    )
    assert json.loads(lock.read_text()) == held


def test_a_rollback_to_nothing(weeks: Week, run: Run) -> None:
    assert run("rollback", "2026.11.16", *HERE) == (
        3,
        "",
        "error: there is no release '2026.11.16'\n  hint: the latest: 2026.11.30, 2026.11.23\n",
    )
