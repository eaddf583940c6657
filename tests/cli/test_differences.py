"""`builder diff` and `builder why`, on a registry of two weeks; and what the weekly report says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.adapters import Replaced
from builder.catalog.packages import Package
from builder.common.errors import StepError
from builder.lock.lockfile import dump
from tests.cli.conftest import Outcome, Run
from tests.fakes.bases import FakeLines
from tests.fakes.catalog import LOCK, Folder, Week, lines
from tests.fakes.layers import FakeLayers
from tests.fakes.locking import HAS, LINES, NoCheck
from tests.fakes.report import check_report
from tests.fakes.store import FakeStore

REGISTRY = ("--registry", "127.0.0.1:5999")  # as the fakes call it; nothing listens there
FIRST, SECOND = "2026.11.16", "2026.11.23"


@pytest.fixture
def weeks(week: Week, replaced: Replaced) -> Week:
    """Two weeks: in the second desk is built again, with a newer lang."""
    replaced.update(week.fakes)
    for day, version in (("2026-11-16", "1"), ("2026-11-23", "2")):
        week.smoke.installed = {"apt": {"lang": Package(version=version, size=1)}}
        week.go_by(today=day)
        if version == "1":
            week.folder.edit("images/desk/Dockerfile.j2", "FROM", "ENV WORDS=many\nFROM")
    return week


def test_two_releases(run: Run, weeks: Week) -> None:
    written = list(weeks.store.writes)
    assert run("diff", FIRST, *REGISTRY) == (
        0,
        "2026.11.16 → 2026.11.23\n"
        "2 targets changed, 6 did not. 1 change of packages."
        " In all 0.0 MB → 0.0 MB (+0.0 MB).\n"
        "\n"
        "Packages\n"
        "ECOSYSTEM  PACKAGE  WAS  IS  TARGETS\n"
        "apt        lang     1    2   2: desk\n"
        "\n"
        "Configuration\n"
        "SETTING    WAS  IS    TARGETS\n"
        "ENV WORDS       many  2: desk\n"
        "\n"
        "Charts\n"
        "CHART  WAS    IS\n"
        "desk   1.0.0  1.0.1\n",
        "",
    )
    assert weeks.store.writes == written


@pytest.mark.parametrize(
    ("style", "start"), [("table", "2026"), ("markdown", "## What changed"), ("json", "{")]
)
def test_formats(run: Run, weeks: Week, style: str, start: str) -> None:
    found = run("diff", FIRST, SECOND, "--format", style, *REGISTRY)
    assert found.code == 0
    assert found.out.startswith(start)
    if style == "json":
        assert json.loads(found.out)["packages"][0]["after"] == "2"


def test_two_locks(run: Run, folder: Folder, replaced: Replaced) -> None:
    replaced["registries"] = FakeStore()
    newer = replace(LOCK, release_lines=lines({"lang=1.10": "1.10.5", "lang=1.9": "1.9.7"}))
    folder.write("newer.lock", dump(newer))
    assert run("diff", "matrix.lock", "newer.lock", *REGISTRY) == (
        0,
        "matrix.lock → newer.lock\n"
        "0 layers changed, 0 did not.\n"
        "\n"
        "Lines and bases\n"
        "KIND  NAME       WAS     IS\n"
        "line  lang=1.10  1.10.4  1.10.5\n",
        "",
    )


def test_a_lock_that_is_torn(run: Run, weeks: Week) -> None:
    weeks.folder.write("torn.lock", "{")
    found = run("diff", "torn.lock", "matrix.lock", *REGISTRY)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: torn.lock:1:2: not a lock: ")


def test_a_release_that_is_none(run: Run, weeks: Week) -> None:
    assert run("diff", "2026.11.17", *REGISTRY) == (
        3,
        "",
        "error: there is no release 2026.11.17\n  hint: did you mean 2026.11.16 or 2026.11.23?\n",
    )


def test_why(run: Run, weeks: Week) -> None:
    weeks.folder.edit("images/base/recipe.yaml", "[tar, grep]", "[tar, lang]")
    assert run("why", "lang", *REGISTRY) == (
        0,
        "apt lang 1\n"
        "  since 2026.11.16, the first release\n"
        "  brought by base: recipe base names it\n"
        "  in 4 targets of 2 images: base, tool\n"
        "\n"
        "apt lang 1\n"
        "  since 2026.11.16, the first release\n"
        "  brought by base: recipe base names it; named by recipe speech too\n"
        "  in 2 targets of 1 image: speech\n"
        "\n"
        "apt lang 2\n"
        "  since 2026.11.23; 1 before\n"
        "  brought by base: recipe base names it; named by recipe speech too;"
        " desk changed its version\n"
        "  in 2 targets of 1 image: desk\n",
        "",
    )


def test_a_package_that_is_none(run: Run, weeks: Week) -> None:
    assert run("why", "lamg", "desk", *REGISTRY) == (
        3,
        "",
        "error: desk of release 2026.11.23 has no package 'lamg'\n  hint: did you mean lang?\n",
    )


# The weekly report.


@pytest.fixture
def apt(tmp_path: Path) -> FakeLayers:
    """What there is of apt."""
    return FakeLayers(tmp_path / "files", HAS)


@pytest.fixture
def go_by(run: Run, week: Week, apt: FakeLayers, replaced: Replaced) -> Callable[..., Outcome]:
    """Run `builder weekly` on a day, with what there is of apt then."""
    replaced.update(week.fakes)
    replaced["resolvers"] = {"apt": apt}
    replaced["providers"] = {"apt": FakeLines(LINES)}
    replaced["package_check"] = NoCheck()

    def go(day: str, *options: str) -> Outcome:
        week.smoke.installed = apt.installed
        found = run("weekly", "--today", day, *REGISTRY, *options)
        assert found.out.rstrip() == (week.state / "report.md").read_text().rstrip()
        return found

    return go


def changes(text: str) -> str:
    """The section of a report that says what changed; nothing where there is none."""
    _, found, rest = text.partition("## What changed")
    return found + rest.partition("\n## ")[0] if found else ""


def test_the_first_weekly_report_has_nothing_to_compare_with(
    go_by: Callable[..., Outcome],
) -> None:
    found = go_by("2026-11-16")
    assert found.code == 0
    assert changes(found.out) == ""


NOBODY = "nobody has legs, which desk/os=1,lang=1.9 wants"
UNREACHABLE = "example.org cannot be reached"


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize(
    ("legs", "reason", "reachable", "code"),
    [
        ("", NOBODY, (), 5),
        ("", NOBODY, ("--reachable",), 5),
        ("unreachable", UNREACHABLE, (), 5),
        ("unreachable", UNREACHABLE, ("--reachable",), 0),
    ],
)
def test_what_could_not_be_locked_is_told_and_all_else_is_released(
    week: Week,
    apt: FakeLayers,
    go_by: Callable[..., Outcome],
    legs: str,
    reason: str,
    reachable: tuple[str, ...],
    code: int,
    *,
    keeps: bool,
) -> None:
    if keeps:
        assert go_by("2026-11-09").code == 0
    apt.versions["legs"] = legs
    if not legs:
        del apt.versions["legs"]
    found = go_by("2026-11-16", *reachable)
    assert found.code == code
    check_report((week.state / "report.json").read_text())
    report = json.loads((week.state / "report.json").read_text())
    assert report["release"]["status"] == "done"
    assert report["not_locked"] == [{"id": "desk/os=1,lang=1.9", "keeps": keeps, "reason": reason}]
    told = "keeps what was locked" if keeps else "is not locked"
    section = f"## What could not be locked\n\n- `desk/os=1,lang=1.9` {told}: {reason}\n"
    assert section in found.out
    kept = "stays as locked" if keeps else "not locked"
    assert (f"error: desk/os=1,lang=1.9: {kept}: {reason}\n" in found.err) is (code == 5)


def test_a_week_blocks_what_the_lock_does_not_fit(
    week: Week, go_by: Callable[..., Outcome]
) -> None:
    assert go_by("2026-11-16").code == 0
    week.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, tree]")
    week.folder.edit("images/base/Dockerfile.j2", "FROM", "# more\nFROM")
    found = go_by("2026-11-23")
    assert found.code == 5
    report = json.loads((week.state / "report.json").read_text())
    assert report["release"]["status"] == "done"
    blocked = [item["id"] for item in report["targets"] if item["status"] == "blocked"]
    assert blocked == ["desk/os=2,lang=1.10", "desk/os=1,lang=1.9"]


def test_the_weekly_report_says_what_changed(
    week: Week, apt: FakeLayers, go_by: Callable[..., Outcome]
) -> None:
    go_by("2026-11-16")
    apt.versions["lang"] = "2"
    week.folder.edit("images/base/Dockerfile.j2", "FROM", "# more\nFROM")
    assert changes(go_by("2026-11-23").out) == (
        "## What changed since 2026.11.16 until 2026.11.23\n"
        "\n"
        "8 targets changed, 0 did not. 1 change of packages."
        " In all 0.0 MB → 0.0 MB (+0.0 MB).\n"
        "\n"
        "### Packages\n"
        "\n"
        "| ecosystem | package | was | is | targets |\n"
        "|---|---|---|---|---|\n"
        "| apt | `lang` | `1` | `2` | 8: base, speech, tool and 1 image more |\n"
        "\n"
        "### Charts\n"
        "\n"
        "| chart | was | is |\n"
        "|---|---|---|\n"
        "| `desk` | `1.0.0` | `1.0.1` |\n"
    )
    data = json.loads((week.state / "report.json").read_text())
    assert data["changes"]["packages"][0]["images"] == ["base", "speech", "tool", "desk"]


@pytest.mark.parametrize("day", ["2026-11-16", "2026-11-23"])
def test_an_unchanged_week(go_by: Callable[..., Outcome], day: str) -> None:
    go_by("2026-11-16")
    until = " until 2026.11.23" if day == "2026-11-23" else ""
    text = f"## What changed since 2026.11.16{until}\n\nNothing changed.\n"
    assert changes(go_by(day).out) == text


def test_a_week_without_a_release(week: Week, go_by: Callable[..., Outcome]) -> None:
    go_by("2026-11-16")
    week.folder.edit("images/base/Dockerfile.j2", "FROM", "# more\nFROM")
    week.store.fail("put", StepError("refused"), on=f"releases:{SECOND}")
    found = go_by("2026-11-23")
    assert found.code == 5
    assert changes(found.out) == ""


def test_a_report_is_written_where_the_release_before_is_gone(
    week: Week, go_by: Callable[..., Outcome]
) -> None:
    go_by("2026-11-16")
    del week.store.named[f"127.0.0.1:5999/shop-releases:{FIRST}"]
    found = go_by("2026-11-23")
    assert (found.code, changes(found.out)) == (0, "")
    assert "what changed since 2026.11.16 is not known: there is no release 2026.11.16" in found.err


def test_the_report_is_in_the_step_summary_too(
    week: Week,
    go_by: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "summary.md"
    place.write_text("# Of the step before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    go_by("2026-11-16")
    first = (week.state / "report.md").read_text()
    go_by("2026-11-23")
    second = (week.state / "report.md").read_text()
    assert place.read_text() == "# Of the step before\n" + first + second
    assert "Nothing changed." in second
