"""Commands that change releases: what they print, on registries in memory."""

from __future__ import annotations

import json

import pytest

from builder.app.adapters import Replaced
from tests.cli.conftest import Run
from tests.fakes.catalog import Week
from tests.fakes.releases import change, record

HERE = ("--registry", "127.0.0.1:5999", "--today", "2026-12-07")


@pytest.fixture
def weeks(week: Week, replaced: Replaced) -> Week:
    """Two weeks, the second with a change, in the registry that commands get."""
    replaced.update(week.fakes)
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
        "2026.12.07: publishes 2026.11.23 again, in place of 2026.11.30\n"
        "chart desk: 1.0.1 → 1.0.2, with the content of 1.0.0\n"
        f"{moved}"
        "1 new chart, 10 moved tags, 6 new tags\n"
    )
    before = dict(weeks.store.named)
    assert run("rollback", "2026.11.23", *HERE, "--dry-run") == (
        0, f"{told}nothing was written: leave out --dry-run to publish\n", "",
    )  # fmt: skip
    assert weeks.store.named == before
    assert run("rollback", "2026.11.23", *HERE) == (
        0,
        f"{told}matrix.lock is unchanged: `builder publish` or `builder weekly` would publish the"
        " newer versions again; --write-lock restores the lock of 2026.11.23\n",
        "recording 2026.12.07\nmoving tags\n",
    )
    assert record(weeks).release == "2026.12.07"
    charts = weeks.state / "charts"
    assert 'version: "1.0.2"' in (charts / "index.yaml").read_text()
    assert (charts / "desk-1.0.2.tgz").is_file()
    assert run("rollback", "2026.11.23", *HERE).out.startswith(
        "2026.12.07 publishes the same as 2026.11.23: nothing to do\n"
    )


def test_a_rollback_that_restores_the_lock(weeks: Week, run: Run) -> None:
    lock = weeks.folder.root / "matrix.lock"
    held = json.loads(lock.read_text())
    lock.write_text(json.dumps({**held, "release_lines": {}}))
    found = run("rollback", "2026.11.23", *HERE, "--write-lock")
    assert found.out.endswith(
        "\nmatrix.lock is now the lock of 2026.11.23; `builder weekly` would upgrade it again\n"
    )
    assert json.loads(lock.read_text()) == held


def test_a_rollback_to_nothing(weeks: Week, run: Run) -> None:
    assert run("rollback", "2026.11.16", *HERE) == (
        3,
        "",
        "error: there is no release '2026.11.16'\n  hint: the latest: 2026.11.30, 2026.11.23\n",
    )


# Retention.


def test_a_prune(weeks: Week, run: Run) -> None:
    old, new = record(weeks, "2026.11.23"), record(weeks)
    gone = [key for key, item in old.targets.items() if new.targets[key].digest != item.digest]
    packages = record(weeks).charts["desk"].listed["1.0.0"]["manifest"]
    found = run("prune", *HERE, "--keep-weeks", "1", "--keep-months", "0")
    assert found.code == 0
    assert found.err == ""
    told = found.out.splitlines()
    assert told[:4] == [
        "release 2026.11.23: past retention",
        "release 2026.11.30: past retention",
        "chart desk: 1.0.0 leaves the index; no kept release has it",
        "release 2026.12.07: new, as 2026.11.30 without these",
    ]
    assert told[4] == (
        f"127.0.0.1:5999/shop-charts/desk@{packages[:19]} (1.0.0 and 1 more), 0.0 MB:"
        " only in releases that are removed"
    )
    for key in gone:
        item = old.targets[key]
        assert (
            f"127.0.0.1:5999/shop-{item.image}@{item.digest[:19]}"
            f" ({item.exact}-2026.11.23 and 1 more), 0.0 MB: only in releases that are removed"
        ) in told
    assert told[-7:] == [
        "9 manifests to go, 0.0 MB",
        "19 manifests to stay",
        "  11: in a kept release",
        "  8: metadata or signature of an image that stays",
        "1 release to stay",
        "  2026.12.07: current",
        "nothing was removed: --yes removes it",
    ]
    assert record(weeks) == new


def test_a_prune_that_does_it(weeks: Week, run: Run) -> None:
    assert run("rollback", "2026.11.23", *HERE).code == 0
    assert (weeks.state / "charts" / "desk-1.0.1.tgz").is_file()
    found = run("prune", *HERE, "--keep-weeks", "1", "--keep-months", "0", "--yes")
    assert (found.code, found.err) == (0, "recording 2026.12.07.1\nmoving tags\n")
    assert found.out.endswith("\nremoved, with 0 tags of images that are kept\n")
    assert weeks.records().names() == ("2026.12.07", "2026.12.07.1")
    charts = weeks.state / "charts"
    index = (charts / "index.yaml").read_text()
    assert [version in index for version in ('"1.0.0"', '"1.0.1"', '"1.0.2"')] == [
        False, False, True,
    ]  # fmt: skip
    assert [path.name for path in charts.glob("*.tgz")] == ["desk-1.0.2.tgz"]
    again = run("prune", *HERE, "--keep-weeks", "1", "--keep-months", "0")
    assert "0 manifests to go, 0.0 MB\n" in again.out


def test_what_is_kept_stands_in_the_matrix(weeks: Week, run: Run) -> None:
    assert "\n2 releases to stay\n" in run("prune", *HERE).out
    text = (weeks.folder.root / "matrix.yaml").read_text()
    weeks.folder.write("matrix.yaml", f"{text}\nretention: {{weeks: 1, months: 1, retired: 0}}\n")
    assert "\n1 release to stay\n" in run("prune", *HERE).out
    weeks.folder.write("matrix.yaml", f"{text}\nretention: {{weeks: 0}}\n")
    assert run("prune", *HERE).code == 2


def test_a_prune_of_nothing(week: Week, run: Run, replaced: Replaced) -> None:
    replaced["registries"] = week.store
    assert run("prune", *HERE) == (
        5, "", "error: nothing is released in 127.0.0.1:5999/shop-releases\n",
    )  # fmt: skip


def test_tags_that_may_go_are_counted_and_other_charts_stay_listed(weeks: Week, run: Run) -> None:
    weeks.go_by(today="2026-12-02")
    assert run("prune", *HERE, "--yes").code == 0
    index = weeks.state / "charts" / "index.yaml"
    assert [f"desk-1.0.{number}.tgz" in index.read_text() for number in (0, 1)] == [True, True]
    assert (
        "\n  2 tags of releases that go name some of them, and go where a registry can\n"
        in run("prune", *HERE, "--keep-weeks", "1", "--keep-months", "0").out
    )
    text = (weeks.folder.root / "matrix.yaml").read_text()
    weeks.folder.write("matrix.yaml", text.replace("charts:\n  desk: {image: desk}\n", ""))
    weeks.go_by(today="2026-12-14")
    assert run("prune", *HERE, "--yes").code == 0
    assert "desk-1.0.1.tgz" in index.read_text()
    assert run("prune", *HERE, "--keep-weeks", "1", "--keep-months", "0", "--yes").code == 0
    assert "entries: {}\n" in index.read_text()
    assert list(index.parent.glob("*.tgz")) == []
