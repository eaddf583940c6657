"""The CI systems, and one that an installed package adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.build.events import Finished, Result, Started
from builder.ci.systems import CI_SYSTEMS, CISystem, running_in
from builder.common.errors import ConfigError
from builder.report.progress import shown
from tests.fakes.packages import install, see
from tests.unit.ci.test_shards import steps

TOY = '''
"""A CI system that an organisation has."""

from pathlib import Path


class Toy:
    most_jobs = 2
    containers = ()

    def workflows(self, levels, containers=(), **facts):
        return {"toy.ini": f"levels = {levels}\\n".encode()}

    def jobs(self, levels, **facts):
        told = [[",".join(one.id for one in shard) for shard in level] for level in levels]
        return "\\n".join(map("|".join, told))

    def runs_here(self, environment):
        return "TOY" in environment

    def finished(self, step, outcome, reason, *, is_failed):
        return f"[{'bad' if is_failed else 'good'}] {outcome}\\n"

    def summary(self, environment):
        return Path(environment["TOY"]) if "TOY" in environment else None


TOY = Toy()
'''
ON_GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "/tmp/summary"}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CISystem:
    """The system of a package, in one file."""
    entry = "[catalog_builder.ci]\ntoy = toy_ci:TOY\n"
    see(monkeypatch, install(tmp_path / "site", "toy-ci", entry, {"toy_ci.py": TOY}))
    return CI_SYSTEMS.get("toy")


@pytest.mark.parametrize("name", CI_SYSTEMS.built_in)
def test_what_is_built_in_does_what_a_system_must(name: str) -> None:
    system = CI_SYSTEMS.get(name)
    assert system.most_jobs > 0
    assert all(data.endswith(b"\n") for data in system.workflows(2).values())
    assert system.jobs([]) == ""
    assert not system.runs_here({})
    assert system.summary({}) is None


def test_a_system_is_recognised_by_its_variables() -> None:
    assert running_in({}) is None
    system = running_in(ON_GITHUB)
    assert system is CI_SYSTEMS.get("github")
    assert system.summary(ON_GITHUB) == Path("/tmp/summary")


def test_an_added_system_is_used_where_an_option_names_it(toy: CISystem) -> None:
    assert running_in({"TOY": "/tmp/report"}) is None
    assert running_in(ON_GITHUB, "toy") is toy
    assert toy.workflows(3) == {"toy.ini": b"levels = 3\n"}


def test_an_added_system_divides_a_plan_by_its_own_limit(toy: CISystem) -> None:
    one, two, three = steps("a", "b", "c")
    level = ((one, three), (two,))
    assert toy.jobs([level]) == f"{one.id},{three.id}|{two.id}"
    with pytest.raises(ConfigError) as caught:
        running_in({}, "gitlap")
    assert str(caught.value) == (
        "no CI system is called 'gitlap'\n"
        "  hint: did you mean gitlab or github?"
        " known: github, argo, gitlab, local, toy"
    )


def test_an_added_system_is_told_how_steps_end(
    toy: CISystem, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown({}, toy) as listen:
        listen(Started(step="build:a"))
        listen(Finished(result=Result(step="build:a", status="done", seconds=1.0)))
        listen(Finished(result=Result(step="build:b", status="failed", reason="no\nluck")))
    started, *ended = capsys.readouterr().err.splitlines()
    assert started.endswith(" build:a: started")
    assert ended == ["[good] ✓ build:a: done in 1.0 s", "[bad] ✗ build:b: failed in 0.0 s — no"]


def test_github_is_told_how_steps_end(capsys: pytest.CaptureFixture[str]) -> None:
    with shown({}, CI_SYSTEMS.get("github")) as listen:
        listen(Finished(result=Result(step="build:b", status="failed", reason="no\nluck")))
        listen(Finished(result=Result(step="build:c", status="reused", reason="is there")))
    assert capsys.readouterr().err == (
        "::error title=build:b::no\n"
        "::group::✗ build:b: failed in 0.0 s — no\nno\nluck\n::endgroup::\n"
        "::group::= build:c: reused — is there\nis there\n::endgroup::\n"
    )
