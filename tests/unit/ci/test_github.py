"""The workflows of GitHub Actions: plain files that follow from how deep a catalog is."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from builder.ci.github import GITHUB
from builder.ci.shards import depth
from builder.cli.main import cli
from builder.project import Workspace

ROOT = Path(__file__).parents[3]
DEPTHS = (1, 2, 8)
WEEKLY, PR = ".github/workflows/weekly.yml", ".github/workflows/pr.yml"


def read(levels: int, path: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe").load(GITHUB.workflows(levels)[path])
    return data


def test_what_is_committed_is_what_is_generated() -> None:
    files = GITHUB.workflows(depth(Workspace(ROOT).load().expansion))
    assert sorted(files) == [PR, WEEKLY]
    for path, data in files.items():
        assert (ROOT / path).read_bytes() == data, f"{path}: run `builder workflows`"


@pytest.mark.parametrize("levels", DEPTHS)
def test_each_level_waits_for_the_one_below_and_the_release_for_all(levels: int) -> None:
    jobs = read(levels, WEEKLY)["jobs"]
    names = [f"level-{level}" for level in range(levels)]
    assert list(jobs) == ["plan", *names, "release", "lock", "red"]
    assert jobs["level-0"]["needs"] == ["plan"]
    for below, name in itertools.pairwise(names):
        assert jobs[name]["needs"] == ["plan", below]
    assert jobs["release"]["needs"] == ["plan", *names]
    assert jobs["red"]["needs"] == ["plan", *names, "release", "lock"]
    assert list(jobs["plan"]["outputs"]) == ["today", "lock", *names]
    for name in names:
        assert jobs[name]["strategy"]["fail-fast"] is False
        # A level that failed stops neither the next one nor the release.
        assert "!cancelled()" in jobs[name]["if"]
    assert "!cancelled()" in jobs["release"]["if"]


def test_what_cannot_be_locked_makes_the_week_red_and_stops_no_other() -> None:
    weekly = read(2, WEEKLY)
    assert weekly["env"]["BUILDER_BLOCK_UNLOCKED"] == "1"
    plan, red = weekly["jobs"]["plan"], weekly["jobs"]["red"]
    (lock,) = [step for step in plan["steps"] if step.get("id") == "lock"]
    assert lock["continue-on-error"] is True
    assert lock["run"] == ".venv/bin/builder lock --upgrade --reachable"
    assert "needs.plan.outputs.lock == 'failure'" in red["if"]
    assert red["env"]["LOCK"] == "${{ needs.plan.outputs.lock }}"


@pytest.mark.parametrize("path", [WEEKLY, PR])
def test_a_job_may_write_only_what_it_is_for(path: str) -> None:
    workflow = read(3, path)
    assert workflow["permissions"] == {}
    pushes = {"packages": "write"}
    expected = {
        "level-0": pushes, "level-1": pushes, "level-2": pushes, "release": pushes,
        "lock": {"contents": "write", "pull-requests": "write"},
        "red": {"issues": "write"},
        "comment": {"pull-requests": "write"},
    }  # fmt: skip
    for name, job in workflow["jobs"].items():
        granted = {key: what for key, what in job["permissions"].items() if what == "write"}
        assert granted == expected.get(name, {}), name


def test_a_pull_request_needs_no_credential() -> None:
    text = GITHUB.workflows(3)[PR].decode()
    assert "pull_request_target" not in text
    assert "secrets." not in text
    assert re.findall(r"vars\.\w+", text) == ["vars.CATALOG_REGISTRY"]  # an address, read by all
    # The one job that may write runs nothing of the pull request.
    comment = read(3, PR)["jobs"]["comment"]
    assert not any("checkout" in step.get("uses", "") for step in comment["steps"])
    assert "head.repo.full_name == github.repository" in comment["if"]
    others = [job for name, job in read(3, PR)["jobs"].items() if name != "comment"]
    assert all(job["permissions"] == {"contents": "read"} for job in others)


@pytest.mark.parametrize("path", [WEEKLY, PR])
def test_actions_are_pinned_and_scripts_hold_no_expression(path: str) -> None:
    for job in read(3, path)["jobs"].values():
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
            else:
                assert "${{" not in step["run"]


def test_what_a_job_runs_is_a_command_of_the_builder() -> None:
    text = "".join(data.decode() for data in GITHUB.workflows(1).values())
    lines = re.findall(r"\.venv/bin/builder (.*)", text)
    assert len(lines) > 6
    for line in lines:
        words = shlex.split(line.partition(" >")[0])
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None, line
        known = {name for option in command.params for name in option.opts}
        flags = {word for word in words[1:] if word.startswith("--")} - PENDING
        assert flags <= known, line


# Of `builder lock`, which brings them with the locks of packages.
PENDING = {"--upgrade", "--check"}
