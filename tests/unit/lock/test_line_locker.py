"""Release lines with several providers: which one serves a base, and that it stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.common.errors import (
    ConfigError,
    Location,
    Problems,
    StepError,
    UnreachableError,
    raise_all,
)
from builder.diff.compare import compare, lock_side
from builder.lock import lockfile
from builder.lock.locker import LockResult, lock_catalog
from builder.lock.lockfile import Lock, Served, VersionLock
from builder.lock.package_locker import ALL, NOTHING, Upgrade
from builder.lock.problems import failures
from builder.lock.requests import never_locked
from builder.lock.verify import flaws
from builder.plan.models import not_locked
from builder.resolvers.providers import url_starts
from tests.fakes.bases import FakeBases, FakeLines
from tests.fakes.catalog import TODAY, Folder, lines

ONE = '    "1.10": {provider: apt, requires: {os: "2"}, tag: "lang{version}"}\n'
SEVERAL = """\
    "1.10":
      providers:
        - {provider: mill, only: {os: ["2"]}}
        - {provider: apt, only: {os: ["2", "1"]}}
      tag: "lang{version}"
"""
PROVIDES = ("lang: {apt: {package: lang}}", "lang: {apt: {package: lang}, mill: {package: lang}}")
MILL = {"lang on os=2": "1.10.7"}
APT = {"lang on os=2": "1.10.4", "lang on os=1": "1.9.7"}
BOTH_BASES = {"lang on os=2": "1.10.4", "lang on os=1": "1.10.2"}


@pytest.fixture
def several(folder: Folder) -> Folder:
    """A catalog whose line 1.10 has two providers, on the base 2 and on both."""
    folder.edit("matrix.yaml", ONE, SEVERAL)
    folder.edit("matrix.yaml", '    "1.9": {provider: apt, requires: {os: "1"}, ', '    "1.9": {')
    folder.edit(
        "matrix.yaml", 'tag: "lang{version}", eol: 2027-01-31', "only: {os: ['1']}, tag: old"
    )
    folder.edit("images/speech/recipe.yaml", *PROVIDES)
    return folder


def relocked(
    folder: Folder,
    tmp_path: Path,
    previous: Lock | None = None,
    *,
    mill: Mapping[str, str] = MILL,
    apt: Mapping[str, str] = BOTH_BASES,
    upgrade: Upgrade = ALL,
    notes: list[str] | None = None,
) -> LockResult:
    project = folder.load()
    return lock_catalog(
        catalog=project.catalog,
        expansion=project.expansion,
        previous=previous,
        bases=FakeBases(tmp_path),
        providers={"apt": FakeLines(apt), "mill": FakeLines(mill)},
        today=TODAY,
        note=[].append if notes is None else notes.append,
        locate=lambda _recipe, _package: Location(file=""),
        upgrade=upgrade,
    )


def served(result: LockResult) -> dict[str, str]:
    line = result.lock.release_lines["lang=1.10"]
    return {base: f"{one.provider} {one.version}" for base, one in line.served.items()}


AWAY = {"lang on os=2": "unreachable"}


def test_it_expands_to_the_variants_of_all_and_each_base_has_its_own_version(
    several: Folder, tmp_path: Path
) -> None:
    expansion = several.load().expansion
    assert [variant.id for variant in expansion.variants["speech"]] == [
        "speech/os=2,lang=1.10", "speech/os=1,lang=1.10", "speech/os=1,lang=1.9",
    ]  # fmt: skip
    result = relocked(several, tmp_path)
    assert served(result) == {"os=2": "mill 1.10.7", "os=1": "apt 1.10.2"}
    assert result.lock.lines_of({"os": "1"}).versions["lang=1.10"] == "1.10.2"
    assert result.lock.lines_of({"os": "2"}).providers == {"lang=1.10": "mill"}
    assert lockfile.parse(lockfile.dump(result.lock)) == result.lock


def test_the_next_serves_a_base_where_the_first_does_not_and_stays(
    several: Folder, tmp_path: Path
) -> None:
    first = relocked(several, tmp_path, mill=AWAY)
    assert served(first) == {"os=2": "apt 1.10.4", "os=1": "apt 1.10.2"}
    assert not first.problems
    notes: list[str] = []
    again = relocked(several, tmp_path, first.lock, notes=notes)
    assert served(again) == served(first)
    text = (
        "lang=1.10 on os=2 stays with provider apt; mill has 1.10.7 and comes first in"
        " matrix.yaml: `builder lock --select os=2 --upgrade lang=1.10@mill` moves it"
    )
    assert [str(found) for found in again.available] == [text]
    assert text in notes
    assert not relocked(several, tmp_path, first.lock, upgrade=NOTHING).available


def test_the_command_moves_it_and_a_provider_that_does_not_answer_changes_nothing(
    several: Folder, tmp_path: Path
) -> None:
    first = relocked(several, tmp_path, mill=AWAY)
    ask = Upgrade(names=frozenset({"lang=1.10@mill"}))
    assert served(relocked(several, tmp_path, first.lock, upgrade=ask)) == {
        "os=2": "mill 1.10.7", "os=1": "apt 1.10.2",
    }  # fmt: skip
    failed = relocked(several, tmp_path, first.lock, upgrade=ask, mill=AWAY)
    assert served(failed) == served(first)
    with pytest.raises(StepError, match=r"lang=1\.10: stays as locked: .*cannot be reached"):
        raise_all(failures(failed.problems, reachable=False))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "lang=1.10@mil",
            "lang=1.10 has no provider 'mil' in matrix.yaml\n  hint: did you mean mill?",
        ),
        (
            "lang=1.1@mill",
            "matrix.yaml has no release line lang=1.1\n  hint: did you mean lang=1.10 or lang=1.9?",
        ),
    ],
)
def test_a_provider_that_a_line_lacks_is_refused(
    several: Folder, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        relocked(several, tmp_path, upgrade=Upgrade(names=frozenset({name})))
    assert str(caught.value) == message


def test_where_nobody_has_it_all_are_named_and_other_bases_are_locked(
    several: Folder, tmp_path: Path
) -> None:
    result = relocked(several, tmp_path, mill=AWAY, apt={"lang on os=1": "1.10.2"})
    assert served(result) == {"os=1": "apt 1.10.2"}
    (problem,) = result.problems
    assert isinstance(problem.error, UnreachableError)
    subject = "lang=1.10 for speech/os=2,lang=1.10 (recipe speech)"
    assert problem.error.message == (
        f"{subject}: example.org cannot be reached; {subject}: there is no lang on os=2"
    )
    project = several.load()
    target = project.expansion.targets["speech/os=2,lang=1.10"]
    assert not_locked(target, project.catalog, project.expansion, result.lock) == (
        "lang=1.10 is not locked: run `builder lock`, which asks provider mill or apt, or says why"
        " it cannot"
    )


def test_a_lock_that_names_no_provider_was_served_by_the_first(
    folder: Folder, tmp_path: Path
) -> None:
    before = relocked(folder, tmp_path, apt=APT)
    assert before.lock.versions == {"lang=1.10": "1.10.4", "lang=1.9": "1.9.7"}
    text = SEVERAL.replace(
        '{provider: mill, only: {os: ["2"]}}', '{provider: apt, only: {os: ["2"]}}'
    )
    text = text.replace('{provider: apt, only: {os: ["2", "1"]}}', "{provider: mill}")
    folder.edit("matrix.yaml", ONE, text)
    folder.edit("images/speech/recipe.yaml", *PROVIDES)
    mill = {"lang on os=1": "1.10.9"}
    after = relocked(folder, tmp_path, before.lock, mill=mill, upgrade=NOTHING)
    assert served(after) == {"os=2": "apt 1.10.4", "os=1": "mill 1.10.9"}


def test_a_provider_that_the_matrix_drops_is_replaced(several: Folder, tmp_path: Path) -> None:
    first = relocked(several, tmp_path)
    several.edit("matrix.yaml", '        - {provider: mill, only: {os: ["2"]}}\n', "")
    assert served(relocked(several, tmp_path, first.lock, upgrade=NOTHING)) == {
        "os=2": "apt 1.10.4", "os=1": "apt 1.10.2",
    }  # fmt: skip


def test_a_difference_names_version_and_provider_for_each_base(
    several: Folder, tmp_path: Path
) -> None:
    old = Lock(release_lines=lines({"lang=1.9": "1.9.7"}))
    new = relocked(several, tmp_path).lock
    found = compare(lock_side("old", old), lock_side("new", new))
    says = {change.name: change.after for change in found.others if change.kind == "line"}
    assert says["lang=1.10 on os=2"] == "1.10.7 of mill"
    assert says["lang=1.10 on os=1"] == "1.10.2 of apt"


def test_a_line_has_one_provider_or_several(folder: Folder) -> None:
    folder.edit("matrix.yaml", ONE, ONE.replace("tag:", "providers: [{provider: mill}], tag:"))
    with pytest.raises(Problems) as caught:
        folder.load()
    says = [line for line in str(caught.value).splitlines() if not line.startswith("    ")]
    assert says == [
        "matrix.yaml:12:14: lang=1.10 has `provider` beside `providers`",
        "  hint: write `provider` into the entries of `providers`",
        "matrix.yaml:12:29: lang=1.10 has `requires` beside `providers`",
        "  hint: write `requires` into the entries of `providers`",
    ]


def test_a_provider_names_values_that_there_are(folder: Folder) -> None:
    folder.edit("matrix.yaml", ONE, SEVERAL.replace('only: {os: ["2"]}', 'only: {os: ["3"]}'))
    with pytest.raises(ConfigError) as caught:
        folder.load()
    assert str(caught.value).startswith("matrix.yaml:14:40: axis os has no value '3'\n")


def test_what_was_never_locked_was_never_built(several: Folder, tmp_path: Path) -> None:
    matrix = several.load().catalog.matrix
    assert never_locked(matrix, Lock()) == ("lang=1.10",)
    assert never_locked(matrix, relocked(several, tmp_path).lock) == ()


def test_a_version_of_another_form_is_not_believed(several: Folder, tmp_path: Path) -> None:
    lock = relocked(several, tmp_path).lock
    line = VersionLock(served={"os=2": Served(provider="mill", version="1; rm")})
    lock = replace(lock, release_lines={"lang=1.10": line})
    project = several.load()
    (flaw,) = flaws(lock, project.catalog, url_starts(project.catalog))
    assert flaw.message == "lang=1.10: '1; rm' is not a version"
    assert flaw.path == ("served", "os=2", "version")
