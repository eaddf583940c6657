"""Versions of the last days are not taken; what is locked stays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.models import RemoteFile
from builder.common.errors import BuilderError, StepError, UnreachableError
from builder.common.process import Runner
from builder.lock import cooldown
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.lock.lockfile import VersionLock
from builder.lock.package_locker import ALL
from builder.resolvers.cooldown import without_dates
from builder.resolvers.npm.registry import NpmPackages
from builder.resolvers.versions import is_published
from tests.fakes.catalog import TODAY, Folder
from tests.fakes.lines import mirrored, request
from tests.fakes.locking import Locking

LIMIT = "2026-11-20T00:00:00Z"
FILE = RemoteFile(name="x", url="https://example.org/x", sha256="0" * 64)


class Dated:
    """A provider that knows on which day it published each version."""

    def __init__(self, versions: Mapping[str, str], files: tuple[RemoteFile, ...] = ()) -> None:
        self._versions = versions
        self._files = files

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return what is old enough, newest first."""
        limit = request.not_after or "9999"
        return tuple(
            version
            for version, day in self._versions.items()
            if day <= limit and version.startswith(request.line)
        )

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest."""
        for version in self.lines(request):
            return ExactVersion(version=version, files=self._files)
        raise StepError("there is none")


def chosen(provider: Dated, locked: str = "", limit: str = LIMIT) -> str:
    """What is locked of the release line 4, where `locked` is."""
    previous = VersionLock(version=locked) if locked else None
    return cooldown.resolve(provider, replace(request("4"), not_after=limit), previous).version


BOTH = Dated({"4.10.1": "2026-11-22", "4.10.0": "2026-11-19", "4.9.9": "2026-01-01"})


def test_the_limit_is_so_many_days_before_the_day() -> None:
    assert cooldown.not_after(TODAY, 3) == LIMIT
    assert cooldown.not_after("2026-03-01", 1) == "2026-02-28T00:00:00Z"
    assert cooldown.not_after(TODAY, 0) == ""


def test_the_newest_that_is_old_enough_is_taken() -> None:
    assert chosen(BOTH) == "4.10.0"
    assert chosen(BOTH, "4.9.9") == "4.10.0"
    assert chosen(BOTH, limit="") == "4.10.1"


def test_a_younger_one_that_is_locked_stays() -> None:
    assert chosen(BOTH, "4.10.1") == "4.10.1"
    assert chosen(Dated({"4.11": "2026-11-23", "4.10.1": "2026-11-22"}), "4.10.1") == "4.10.1"


def test_one_that_upstream_took_back_does_not_stay() -> None:
    assert chosen(BOTH, "4.11.0") == "4.10.0"


def test_where_all_are_too_young_it_is_said() -> None:
    with pytest.raises(StepError) as raised:
        chosen(Dated({"4.0": "2026-11-22"}))
    assert str(raised.value) == (
        f"4.0 was published after {LIMIT}, and there is none older\n"
        "  hint: wait, or shorten `lock: {cooldown: …}` in matrix.yaml; `0d` takes it now"
    )


def test_a_base_without_the_files_of_the_locked_version_gets_them() -> None:
    provider = Dated({"4.2": "2026-11-22", "4.1": "2026-11-22", "4.0": "2026-01-01"}, (FILE,))
    previous = VersionLock(version="4.1", files={"debian=12@linux/amd64": ()})
    found = cooldown.resolve(provider, replace(request("4"), not_after=LIMIT), previous)
    assert found == ExactVersion(version="4.1", files=(FILE,))


def test_a_host_that_is_dead_is_no_reason_to_take_another() -> None:
    class Dead(Dated):
        def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
            raise UnreachableError("nobody answers")

    with pytest.raises(UnreachableError):
        chosen(Dead({}))


def test_requests_have_the_limit(folder: Folder, tmp_path: Path) -> None:
    locking = Locking(folder, tmp_path)
    locking.lock(upgrade=ALL)
    assert locking.apt.limits == {LIMIT}
    folder.edit("matrix.yaml", "\naxes:", "\nlock: {cooldown: 0d}\n\naxes:")
    locking.apt.limits.clear()
    locking.lock(upgrade=ALL)
    assert locking.apt.limits == {""}


@pytest.mark.parametrize("text", ["3", "3 d", "-1d", "1.5d", "d", "3days", "9999d"])
def test_it_is_a_number_of_days(folder: Folder, text: str) -> None:
    folder.edit("matrix.yaml", "\naxes:", f'\nlock: {{cooldown: "{text}"}}\n\naxes:')
    with pytest.raises(BuilderError, match=r"write e\.g\. 3d, or 0d for none"):
        folder.load()


def test_what_has_no_dates_is_named(folder: Folder) -> None:
    assert without_dates(folder.load().catalog) == ""  # Debian's archive is exempt
    folder.edit("matrix.yaml", '"1.10": {provider: apt', '"1.10": {provider: rstudio')
    assert without_dates(folder.load().catalog) == "provider rstudio"
    folder.edit("matrix.yaml", "\naxes:", "\nlock: {cooldown: 0d}\n\naxes:")
    assert without_dates(folder.load().catalog) == ""


def test_times_of_any_zone() -> None:
    assert is_published("2026-11-19T23:59:59.5Z", LIMIT)
    assert is_published("2026-11-20T00:30:00+01:00", LIMIT)
    assert is_published("2026-11-20", LIMIT)
    assert not is_published("2026-11-20T00:00:01+00:00", LIMIT)
    assert is_published("some day", LIMIT)  # no date is known


def npm_that(tmp_path: Path, runner: Runner, times: str, notes: list[str]) -> NpmPackages:
    """An npm with three versions, and what it says of their times."""
    program = tmp_path / "npm"
    versions = json.dumps(["4.1.0", "4.2.0", "4.3.0"])
    program.write_text(f"#!/bin/sh\n[ $5 = time ] && echo '{times}' || echo '{versions}'\n")
    program.chmod(0o755)
    return NpmPackages(
        runner=runner, network=mirrored("127.0.0.1:1"), program=str(program), note=notes.append
    )


def test_npm_states_when(tmp_path: Path, runner: Runner) -> None:
    times = {"created": "x", "4.1.0": "2026-01-01T00:00:00.000Z", "4.2.0": "2026-11-19T09:00:00Z",
             "4.3.0": "2026-11-22T09:00:00+00:00"}  # fmt: skip
    notes: list[str] = []
    npm = npm_that(tmp_path, runner, json.dumps(times), notes)
    wanted = replace(request("4", package="tool"), not_after=LIMIT)
    assert npm.resolve(wanted).version == "4.2.0"
    assert npm.resolve(replace(wanted, not_after="")).version == "4.3.0"
    assert notes == []


def test_a_mirror_of_npm_without_times(tmp_path: Path, runner: Runner) -> None:
    notes: list[str] = []
    npm = npm_that(tmp_path, runner, "", notes)
    wanted = replace(request("4", package="tool"), not_after=LIMIT)
    assert npm.resolve(wanted).version == "4.3.0"
    assert notes == ["npm states no dates of tool: its newest version is taken"]
