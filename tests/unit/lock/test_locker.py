"""What `builder lock` decides, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.models import RemoteFile
from builder.common.errors import (
    BuilderError,
    Location,
    StepError,
    TransientError,
    UnreachableError,
    raise_all,
)
from builder.lock.locker import lock_catalog
from builder.lock.lockfile import Lock, VersionLock
from builder.lock.problems import Problem, failures
from tests.fakes.bases import FakeBases, FakeLines
from tests.fakes.catalog import ARM, BOTH, LOCK, TODAY, Folder, plan_of

VERSIONS = {"lang on os=2": "1.10.4", "lang on os=1": "1.9.7"}


def nowhere_in(recipe: str, package: str) -> Location:
    """A place that is not looked for."""
    return Location(file=f"images/{recipe}/recipe.yaml")


def locked(
    folder: Folder,
    tmp_path: Path,
    *,
    held: Lock | None = None,
    versions: Mapping[str, str] = VERSIONS,
    broken: tuple[str, ...] = (),
    today: str = TODAY,
    bases: FakeBases | None = None,
    notes: list[str] | None = None,
    problems: list[Problem] | None = None,
) -> Lock:
    """The lock; what is wrong goes to `problems`, or is raised as `builder lock` does."""
    project = folder.load()
    found = lock_catalog(
        catalog=project.catalog,
        expansion=project.expansion,
        previous=held,
        bases=bases or FakeBases(tmp_path, broken=broken),
        providers={"apt": FakeLines(versions)},
        today=today,
        note=[].append if notes is None else notes.append,
        locate=nowhere_in,
    )
    if problems is None:
        raise_all(failures(found.problems, reachable=True))
    else:
        problems += found.problems
    return found.lock


def test_every_base_and_line(folder: Folder, tmp_path: Path) -> None:
    found = locked(folder, tmp_path)
    assert {key: str(base.source) for key, base in found.bases.items()} == {
        "os=2@linux/amd64": "registry example.org/os:two",
        "os=1@linux/amd64": "bootstrap one",
    }
    assert found.versions == {"lang=1.10": "1.10.4", "lang=1.9": "1.9.7"}
    assert found.package_sets == {}


def test_the_next_source_where_the_first_cannot_be_had(folder: Folder, tmp_path: Path) -> None:
    found = locked(folder, tmp_path, broken=("example.org/os:two",))
    assert str(found.bases["os=2@linux/amd64"].source) == "bootstrap two"


def test_a_source_is_kept_while_it_is_listed(folder: Folder, tmp_path: Path) -> None:
    first = locked(folder, tmp_path, broken=("example.org/os:two",))
    assert locked(folder, tmp_path, held=first).bases == first.bases
    folder.edit("matrix.yaml", "{bootstrap: two}", "{bootstrap: three}")
    moved = locked(folder, tmp_path, held=first)
    assert str(moved.bases["os=2@linux/amd64"].source) == "registry example.org/os:two"


def test_notes_say_what_is_new(folder: Folder, tmp_path: Path) -> None:
    notes: list[str] = []
    first = locked(folder, tmp_path, notes=notes)
    assert "os=1@linux/amd64: new, bootstrap one, sha256:6f6e65000000" in notes
    assert "lang=1.9: 1.9.7" in notes
    notes.clear()
    locked(folder, tmp_path, held=first, notes=notes)
    assert "os=1@linux/amd64: unchanged, bootstrap one, sha256:6f6e65000000" in notes


def test_what_has_ended_is_not_locked(folder: Folder, tmp_path: Path) -> None:
    found = locked(folder, tmp_path, held=LOCK, today="2028-07-01")
    assert list(found.bases) == ["os=2@linux/amd64"]
    assert found.versions == {"lang=1.10": "1.10.4"}


def test_all_bases_that_fail_are_named(folder: Folder, tmp_path: Path) -> None:
    bases = FakeBases(tmp_path)
    bases.fail("lock", StepError("one is gone"), on="os=1")
    bases.fail("lock", TransientError("two is slow"), on="os=2")
    with pytest.raises(BuilderError) as caught:
        locked(folder, tmp_path, bases=bases)
    assert sorted(str(caught.value).splitlines()) == [
        "os=1@linux/amd64: not locked: one is gone",
        "os=2@linux/amd64: not locked: two is slow",
    ]


def test_a_base_that_fails_stops_only_what_stands_on_it(folder: Folder, tmp_path: Path) -> None:
    bases, problems = FakeBases(tmp_path), list[Problem]()
    bases.fail("lock", StepError("one is gone"), on="os=1", times=2)
    found = locked(folder, tmp_path, bases=bases, problems=problems)
    assert list(found.bases) == ["os=2@linux/amd64"]
    assert [(it.subject, it.keeps, it.reason) for it in problems] == [
        ("os=1@linux/amd64", False, "one is gone")
    ]
    plan = plan_of(folder.load(), lock=found)
    assert {key: it.reason for key, it in plan.targets.items() if it.action == "block"} == {
        f"{key}/os=1{line}": "base os=1@linux/amd64 is not locked: `builder lock` says why"
        for key, line in zip(
            ("base", "tool", "speech", "desk"), ("", "", *[",lang=1.9"] * 2), strict=True
        )
    }
    kept = locked(folder, tmp_path, bases=bases, held=LOCK, problems=problems)
    assert kept.bases["os=1@linux/amd64"] == LOCK.bases["os=1@linux/amd64"]
    assert problems[-1].keeps


def test_a_line_that_is_gone_stops_only_what_needs_it(folder: Folder, tmp_path: Path) -> None:
    versions, problems = {"lang on os=2": "1.10.5"}, list[Problem]()
    found = locked(folder, tmp_path, held=LOCK, versions=versions, problems=problems)
    assert found.versions == {"lang=1.10": "1.10.5", "lang=1.9": "1.9.7"}
    assert [(it.subject, it.keeps) for it in problems] == [("lang=1.9", True)]
    (error,) = failures(problems, reachable=True)
    assert (error.exit_code, str(error)) == (
        5,
        "lang=1.9: stays as locked: lang=1.9 for speech/os=1,lang=1.9"
        " (recipe speech): there is no lang on os=1",
    )
    found = locked(folder, tmp_path, versions=versions, problems=problems)
    assert found.versions == {"lang=1.10": "1.10.5"}
    assert not problems[-1].keeps


def test_what_cannot_be_asked_counts_unless_reachable(folder: Folder, tmp_path: Path) -> None:
    problems: list[Problem] = []
    locked(
        folder, tmp_path, versions={**VERSIONS, "lang on os=1": "unreachable"}, problems=problems
    )
    assert failures(problems, reachable=True) == []
    (error,) = failures(problems, reachable=False)
    assert (error.exit_code, str(error)) == (
        5,
        "lang=1.9: not locked: lang=1.9 for speech/os=1,lang=1.9 (recipe speech):"
        " example.org cannot be reached\n"
        "  hint: with --reachable it does not count",
    )


def test_all_lines_that_fail_are_named(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(BuilderError) as caught:
        locked(folder, tmp_path, versions={"lang on os=2": "1.11.0"})
    assert str(caught.value) == (
        "lang=1.10: not locked: lang=1.10: provider apt has 1.11.0 on os=2@linux/amd64\n"
        "  hint: name the release line that it has, or require another base\n"
        "lang=1.9: not locked: lang=1.9 for speech/os=1,lang=1.9 (recipe speech):"
        " there is no lang on os=1"
    )


def test_a_line_is_not_the_start_of_another(folder: Folder, tmp_path: Path) -> None:
    versions = {**VERSIONS, "lang on os=2": "1.100.2"}
    with pytest.raises(
        StepError, match=r"^lang=1\.10: not locked: lang=1\.10: provider apt has 1\.100\.2 on"
    ):
        locked(folder, tmp_path, versions=versions)


def test_an_unknown_provider(folder: Folder, tmp_path: Path) -> None:
    folder.edit(
        "matrix.yaml", 'provider: apt, requires: {os: "1"}', 'provider: atp, requires: {os: "1"}'
    )
    with pytest.raises(BuilderError) as caught:
        locked(folder, tmp_path)
    assert str(caught.value) == "lang=1.9: unknown provider 'atp'\n  hint: did you mean apt?"
    assert caught.value.exit_code == 2


def test_a_recipe_that_does_not_say_what_provides(folder: Folder, tmp_path: Path) -> None:
    folder.edit("images/speech/recipe.yaml", "apt: {package", "conda: {package")
    with pytest.raises(BuilderError) as caught:
        locked(folder, tmp_path)
    assert str(caught.value).splitlines()[:2] == [
        "recipe speech has no options for lang from provider apt",
        "  hint: images/speech/recipe.yaml: `provides: {lang: {apt: …}}`",
    ]


def test_what_cannot_be_reached_is_left_out_or_kept(folder: Folder, tmp_path: Path) -> None:
    versions = {**VERSIONS, "lang on os=1": "unreachable"}
    notes: list[str] = []
    assert locked(folder, tmp_path, versions=versions, notes=notes).versions == {
        "lang=1.10": "1.10.4"
    }
    assert (
        "lang=1.9: not locked: lang=1.9 for speech/os=1,lang=1.9 (recipe speech):"
        " example.org cannot be reached" in notes
    )
    kept = locked(folder, tmp_path, versions=versions, held=LOCK)
    assert kept.versions == LOCK.versions


def test_only_what_is_selected_is_looked_up(folder: Folder, tmp_path: Path) -> None:
    project, bases = folder.load(), FakeBases(tmp_path)
    found = lock_catalog(
        catalog=project.catalog,
        expansion=project.expansion,
        previous=LOCK,
        bases=bases,
        providers={"apt": FakeLines({"lang on os=2": "1.10.9"})},
        today=TODAY,
        note=[].append,
        locate=nowhere_in,
        targets=["speech/os=2,lang=1.10"],
    ).lock
    assert found.versions == {"lang=1.10": "1.10.9", "lang=1.9": "1.9.7"}
    assert found.bases["os=1@linux/amd64"] == LOCK.bases["os=1@linux/amd64"]
    assert bases.calls == [("lock", "os=2@linux/amd64")]


NO_EMULATOR = UnreachableError("no source of base os=1@linux/arm64 works", hint="emulate it")


def test_a_base_of_another_machine_blocks_its_own_targets(folder: Folder, tmp_path: Path) -> None:
    folder.for_platforms("linux/amd64", ARM)
    bases, notes = FakeBases(tmp_path), list[str]()
    bases.fail("lock", NO_EMULATOR, on=f"os=1@{ARM}")
    found = locked(folder, tmp_path, bases=bases, notes=notes)
    assert sorted(found.bases) == ["os=1@linux/amd64", "os=2@linux/amd64", f"os=2@{ARM}"]
    assert found.versions == {"lang=1.10": "1.10.4", "lang=1.9": "1.9.7"}
    assert (
        f"os=1@{ARM}: not locked: no source of base os=1@linux/arm64 works\n  hint: emulate it"
    ) in notes
    plan = plan_of(folder.load(), lock=found)
    blocked = {key: item.reason for key, item in plan.targets.items() if item.action == "block"}
    assert blocked == {
        f"{key}@{ARM}": f"base os=1@{ARM} is not locked: `builder lock` says why"
        for key in ("base/os=1", "tool/os=1", "speech/os=1,lang=1.9", "desk/os=1,lang=1.9")
    }
    assert plan.steps[f"base:os=1@{ARM}"].action == "skip"
    assert {item.action for key, item in plan.targets.items() if key not in blocked} == {"build"}


def test_and_keeps_what_is_held_of_it(folder: Folder, tmp_path: Path) -> None:
    folder.for_platforms("linux/amd64", ARM)
    bases = FakeBases(tmp_path)
    bases.fail("lock", NO_EMULATOR, on=f"os=1@{ARM}")
    found = locked(folder, tmp_path, bases=bases, held=BOTH)
    assert found.bases[f"os=1@{ARM}"] == BOTH.bases[f"os=1@{ARM}"]


def test_what_is_locked_of_other_platforms_stays(folder: Folder, tmp_path: Path) -> None:
    there = RemoteFile(name="lang.tar.gz", url="https://archive.example/arm", sha256="b" * 64)
    line = VersionLock(version="1.10.4", files={f"os=2@{ARM}": (there,)})
    held = replace(BOTH, release_lines={**BOTH.release_lines, "lang=1.10": line})
    found = locked(folder, tmp_path, held=held)
    assert set(found.bases) == set(BOTH.bases)
    assert found.release_lines["lang=1.10"] == line
    moved = locked(folder, tmp_path, held=held, versions={**VERSIONS, "lang on os=2": "1.10.5"})
    assert moved.release_lines["lang=1.10"] == VersionLock(version="1.10.5")


def test_a_line_without_its_files_for_a_base_blocks_what_stands_on_it(folder: Folder) -> None:
    folder.for_platforms("linux/amd64", ARM)
    file = RemoteFile(name="lang.tar.gz", url="https://archive.example/amd", sha256="b" * 64)
    line = VersionLock(version="1.10.4", files={"os=2@linux/amd64": (file,)})
    plan = plan_of(
        folder.load(), lock=replace(BOTH, release_lines={**BOTH.release_lines, "lang=1.10": line})
    )
    why = f"lang=1.10 is locked without its files for os=2@{ARM}: run `builder lock`"
    assert {key: item.reason for key, item in plan.targets.items() if item.action == "block"} == {
        f"speech/os=2,lang=1.10@{ARM}": why, f"desk/os=2,lang=1.10@{ARM}": why,
    }  # fmt: skip


def test_a_line_has_one_exact_version(folder: Folder, tmp_path: Path) -> None:
    folder.edit("matrix.yaml", 'provider: apt, requires: {os: "2"}', "provider: apt")
    folder.edit(
        "matrix.yaml",
        '    "1.9": {provider: apt, requires: {os: "1"}, tag: "lang{version}", eol: 2027-01-31}\n',
        "",
    )
    versions = {"lang on os=2": "1.10.4", "lang on os=1": "1.10.3"}
    with pytest.raises(BuilderError) as caught:
        locked(folder, tmp_path, versions=versions)
    assert str(caught.value) == (
        "lang=1.10: not locked: lang=1.10 has more than one exact version: 1.10.4 on"
        " os=2@linux/amd64,"
        " 1.10.3 on os=1@linux/amd64\n"
        "  hint: declare a release line for each base, with `requires`"
    )


def test_the_files_of_a_line_are_locked_for_each_base(folder: Folder, tmp_path: Path) -> None:
    file = RemoteFile(name="lang.tar.gz", url="https://example.org/lang.tar.gz", sha256="a" * 64)
    project = folder.load()
    found = lock_catalog(
        catalog=project.catalog,
        expansion=project.expansion,
        previous=None,
        bases=FakeBases(tmp_path),
        providers={"apt": FakeLines(VERSIONS, (file,))},
        today=TODAY,
        note=[].append,
        locate=nowhere_in,
    ).lock
    assert found.release_lines["lang=1.9"].files == {"os=1@linux/amd64": (file,)}


def test_the_same_world_is_the_same_lock(folder: Folder, tmp_path: Path) -> None:
    first = locked(folder, tmp_path)
    assert locked(folder, tmp_path) == first
    assert replace(first, release_lines={}) != first
