"""The workflows of GitHub Actions: plain files that follow from how deep a catalog is."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from builder.ci.github import GITHUB
from builder.ci.shards import depth
from builder.ci.systems import Follow
from builder.cli.main import cli
from tests.fakes.this_catalog import this_catalog

ROOT = Path(__file__).parents[3]
DEPTHS = (1, 2, 8)
WEEKLY, PR = ".github/workflows/weekly.yml", ".github/workflows/pr.yml"
CI = ".github/workflows/ci.yml"


UPSTREAM, BUMP = ".github/workflows/upstream.yml", ".github/workflows/bump.yml"
FOLLOW = Follow(automerge=True)
OF_EACH = [(WEEKLY, None), (PR, None), (BUMP, None), (WEEKLY, FOLLOW), (PR, FOLLOW),
           (BUMP, FOLLOW), (UPSTREAM, FOLLOW)]  # fmt: skip


def read(levels: int, path: str, follow: Follow | None = None) -> dict[str, Any]:
    files = GITHUB.workflows(levels, follow=follow)
    data: dict[str, Any] = YAML(typ="safe").load(files[path])
    return data


def test_what_is_committed_is_what_is_generated() -> None:
    project = this_catalog()
    assert project.lock is not None
    files = GITHUB.workflows(depth(project.expansion), project.lock.containers)
    assert sorted(files) == [BUMP, PR, WEEKLY]
    for path, data in files.items():
        assert (ROOT / path).read_bytes() == data, f"{path}: run `builder workflows`"


def test_jobs_run_in_the_container_that_the_lock_has() -> None:
    assert container_of(GITHUB.workflows(2)) == {"debian:trixie"}
    digest = f"sha256:{'3' * 64}"
    pinned = GITHUB.workflows(2, {"debian:trixie": digest, "debian:sid": f"sha256:{'4' * 64}"})
    assert container_of(pinned) == {f"debian:trixie@{digest}"}
    committed = {path: (ROOT / path).read_bytes() for path in (WEEKLY, PR, BUMP, CI)}
    assert len(container_of(committed)) == 1


def container_of(files: Mapping[str, bytes]) -> set[str]:
    """Return the images that jobs run in."""
    jobs = [job for data in files.values() for job in YAML(typ="safe").load(data)["jobs"].values()]
    return {job["container"]["image"] for job in jobs if "container" in job}


@pytest.mark.parametrize("levels", DEPTHS)
def test_each_level_waits_for_the_one_below_and_the_release_for_all(levels: int) -> None:
    jobs = read(levels, WEEKLY)["jobs"]
    builds = [f"level-{level}" for level in range(levels)]
    publishes = [f"publish-{level}" for level in range(levels)]
    pairs = list(itertools.chain(*zip(builds, publishes, strict=True)))
    assert list(jobs) == ["plan", *builds, *publishes, "release", "lock", "red"]
    assert jobs["level-0"]["needs"] == ["plan"]
    for level, (build, publish) in enumerate(zip(builds, publishes, strict=True)):
        assert jobs[publish]["needs"] == ["plan", build]
        assert jobs[publish]["strategy"] == jobs[build]["strategy"]
        if level:  # parents come from the registry, where only the job below put them
            assert jobs[build]["needs"] == ["plan", publishes[level - 1]]
    assert jobs["release"]["needs"] == ["plan", *publishes]
    assert jobs["red"]["needs"] == ["plan", *pairs, "release", "lock"]
    assert [name for name in jobs["plan"]["outputs"] if name.startswith("level-")] == [
        f"level-{level}" for level in range(levels)
    ]
    for name in pairs:
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


@pytest.mark.parametrize(("path", "follow"), OF_EACH)
def test_a_job_may_write_only_what_it_is_for(path: str, follow: Follow | None) -> None:
    workflow = read(3, path, follow)
    assert workflow["permissions"] == {}
    pushes = {"packages": "write"}
    expected = {
        "publish-0": pushes, "publish-1": pushes, "publish-2": pushes, "release": pushes,
        "lock": {"contents": "write", "pull-requests": "write"},
        "red": {"issues": "write"},
        "comment": {"pull-requests": "write"},
        "pull-request": {"contents": "write", "pull-requests": "write"},
    }  # fmt: skip
    for name, job in workflow["jobs"].items():
        granted = {key: what for key, what in job["permissions"].items() if what == "write"}
        assert granted == expected.get(name, {}), name


# Who runs code of others holds nothing that can write.

READS = {"CATALOG_READ_PASSWORD"}
"""The secrets that can read and nothing else."""
# What each command of the builder does in a job that can write; all others may run code of others.
SAFE = (("push",), ("step", "release"), ("doctor", "--install"))
FOREIGN = re.compile(
    r"^\s*make (?!setup$)|\bpytest\b|^\s*(podman|docker|buildah)\b|\.ci/run", re.MULTILINE
)


def can_write(job: Mapping[str, Any]) -> bool:
    """Whether a job has a token or a secret with which it can write."""
    secrets = set(re.findall(r"secrets\.(\w+)", str(job))) - READS
    return bool(secrets) or "write" in job["permissions"].values() or "secrets[" in str(job)


def run_by(job: Mapping[str, Any]) -> str:
    """Return all scripts of a job, with the lines that go on joined."""
    scripts = (step["run"] for step in job["steps"] if "run" in step)
    return "\n".join(scripts).replace("\\\n", " ")


def check_writers(workflow: Mapping[str, Any]) -> int:
    """Return how many jobs can write, after a check that none of them runs code of others."""
    count = 0
    for name, job in workflow["jobs"].items():
        assert isinstance(job.get("permissions"), dict), f"{name}: no permissions of its own"
        assert "secrets" not in job, name
        if not can_write(job):
            continue
        count += 1
        script = run_by(job)
        for line in re.findall(r"\.venv/bin/builder (.*)", script):
            words = tuple(shlex.split(line))
            assert any(words[: len(safe)] == safe for safe in SAFE), f"{name}: {line}"
        assert not FOREIGN.search(script), name
        assert "build/before" not in str(job), name
    return count


@pytest.mark.parametrize("levels", DEPTHS)
def test_no_job_that_can_write_builds_or_tests(levels: int) -> None:
    weekly = read(levels, WEEKLY)
    assert check_writers(weekly) == levels + 3  # each publish, the release, lock, red
    assert check_writers(read(levels, PR)) == 1
    assert check_writers(read(levels, BUMP)) == 1
    check_writers(YAML(typ="safe").load((ROOT / CI).read_bytes()))
    for name, job in weekly["jobs"].items():
        if name.startswith("level-"):
            assert "builder step" in run_by(job)
            assert set(job["permissions"].values()) == {"read"}


@pytest.mark.parametrize(
    "change",
    [
        lambda job: job["permissions"].update(packages="write"),
        lambda job: job["permissions"].update({"id-token": "write"}),
        lambda job: job["steps"][0].update(env={"X": "${{ secrets.CATALOG_PASSWORD }}"}),
        lambda job: job["steps"][0].update(env={"X": "${{ secrets['CATALOG_' + 'X'] }}"}),
        lambda job: job.pop("permissions"),
        lambda job: job.update(secrets="inherit"),
    ],
)
def test_a_build_that_could_write_would_be_found(change: Callable[[Any], None]) -> None:
    weekly = read(1, WEEKLY)
    change(weekly["jobs"]["level-0"])
    with pytest.raises((AssertionError, KeyError)):
        check_writers(weekly)


@pytest.mark.parametrize(
    "script",
    [
        ".venv/bin/builder step build:base/debian=13",
        ".venv/bin/builder build",
        ".venv/bin/builder test",
        ".venv/bin/builder weekly",
        "make test",
        ".ci/run",
        "podman run debian",
    ],
)
def test_a_build_beside_a_credential_would_be_found(script: str) -> None:
    weekly = read(1, WEEKLY)
    weekly["jobs"]["publish-0"]["steps"].append({"run": script})
    with pytest.raises(AssertionError):
        check_writers(weekly)


def test_only_the_default_branch_is_published_and_another_one_is_told() -> None:
    on_default = (
        "(github.event_name == 'schedule' ||"
        " github.ref == format('refs/heads/{0}', github.event.repository.default_branch))"
    )
    jobs = read(3, WEEKLY)["jobs"]
    for name, job in jobs.items():
        if can_write(job):
            assert on_default in job["if"], name
            assert job["if"].count("||") == 1 or name == "red"
    first = jobs["plan"]["steps"][0]
    assert first["if"] == f"${{{{ !({on_default}) }}}}"
    assert first["run"] == (
        'echo "::error::only the default branch is built and released: run this workflow on it"\n'
        "exit 1\n"
    )
    # All that builds waits for the plan to succeed.
    assert all(
        "needs.plan.result == 'success'" in job["if"]
        for name, job in jobs.items()
        if name not in ("plan", "lock", "red")
    )


def test_the_lock_is_what_the_first_job_said() -> None:
    jobs = read(3, WEEKLY)["jobs"]
    assert jobs["plan"]["outputs"]["lock-sha256"] == "${{ steps.keep.outputs.sha256 }}"
    for name, job in jobs.items():
        steps = job["steps"]
        fetched = [
            index for index, step in enumerate(steps) if step.get("with", {}).get("name") == "lock"
        ]
        if name in ("plan", "red"):
            continue
        (index,) = fetched
        assert steps[index]["with"]["path"] == "build/lock"  # not over the checkout
        verify = steps[index + 1]
        assert verify["env"] == {"SHA256": "${{ needs.plan.outputs.lock-sha256 }}"}
        check, extract = verify["run"].splitlines()
        assert check == 'echo "$SHA256  build/lock/lock.tar" | sha256sum --check --strict -'
        assert extract == "tar --extract --file build/lock/lock.tar matrix.lock"


def test_the_scripts_of_the_lock_pass_it_on_and_refuse_another(tmp_path: Path) -> None:
    jobs = read(1, WEEKLY)["jobs"]
    (pack,) = (step for step in jobs["plan"]["steps"] if step.get("id") == "keep")
    (verify,) = (step for step in jobs["level-0"]["steps"] if "lock-sha256" in str(step))
    (tmp_path / "matrix.lock").write_text("{}\n")
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/requirements.txt").write_text("click==8\n")
    output = tmp_path / "output"

    def run(script: str, **environment: str) -> int:
        argv = ("bash", "-e", "-c", script)
        done = subprocess.run(
            argv, cwd=tmp_path, env={**os.environ, **environment}, check=False, timeout=20
        )
        return done.returncode

    assert run(pack["run"], GITHUB_OUTPUT=str(output)) == 0
    sha256 = output.read_text().strip().removeprefix("sha256=")
    (tmp_path / "build/lock").mkdir()
    (tmp_path / "build/lock.tar").rename(tmp_path / "build/lock/lock.tar")
    (tmp_path / "matrix.lock").unlink()
    assert run(verify["run"], SHA256=sha256) == 0
    assert (tmp_path / "matrix.lock").read_text() == "{}\n"
    (tmp_path / "matrix.lock").unlink()
    with (tmp_path / "build/lock/lock.tar").open("ab") as file:
        file.write(b"\0")
    assert run(verify["run"], SHA256=sha256) != 0
    assert run(verify["run"], SHA256="") != 0
    assert not (tmp_path / "matrix.lock").exists()


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
    assert all(job["runs-on"] == "ubuntu-24.04" for job in read(3, PR)["jobs"].values())


@pytest.mark.parametrize(("path", "follow"), OF_EACH)
def test_actions_are_pinned_and_scripts_hold_no_expression(
    path: str, follow: Follow | None
) -> None:
    for job in read(3, path, follow)["jobs"].values():
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
            else:
                assert "${{" not in step["run"]


def test_what_a_job_runs_is_a_command_of_the_builder() -> None:
    files = {**GITHUB.workflows(1), **GITHUB.workflows(1, follow=FOLLOW)}
    text = "".join(data.decode() for data in files.values())
    lines = re.findall(r"\.venv/bin/builder (.*)", text)
    assert len(lines) > 6
    for line in lines:
        words = shlex.split(line.partition(" >")[0].partition(" ||")[0])
        command = cli.get_command(click.Context(cli), words[0])
        if isinstance(command, click.Group) and words[1] in command.list_commands(
            click.Context(command)
        ):
            command = command.get_command(click.Context(command), words[1])
        assert command is not None, line
        known = {name for option in command.params for name in option.opts}
        flags = {word for word in words[1:] if word.startswith("--") and word != "--"}
        assert flags <= known, line


# A catalog that stands on others.


def test_no_job_that_can_write_builds_where_others_are_followed() -> None:
    assert check_writers(read(2, WEEKLY, FOLLOW)) == 5
    assert check_writers(read(1, UPSTREAM, FOLLOW)) == 1


def test_the_catalogs_below_are_fetched_first_and_kept_by_content() -> None:
    jobs = read(2, WEEKLY, FOLLOW)["jobs"]
    assert list(jobs)[:2] == ["upstreams", "plan"]
    assert jobs["plan"]["needs"] == ["upstreams"]
    assert jobs["red"]["needs"][0] == "upstreams"
    key = "upstreams-${{ hashFiles('matrix.lock') }}"
    kept = [
        [step["uses"].partition("@")[0] for step in job["steps"] if key in str(step)]
        for name, job in jobs.items()
        if name not in ("lock", "red")
    ]
    assert kept == [["actions/cache/restore", "actions/cache/save"]] + [
        ["actions/cache/restore"] for _ in kept[1:]
    ]


def test_the_builder_comes_from_requirements_where_others_are_followed() -> None:
    files = GITHUB.workflows(1, follow=FOLLOW)
    assert sorted(files) == [BUMP, PR, UPSTREAM, WEEKLY]
    for data in files.values():
        assert b"--requirement requirements.txt" in data
        assert b"make setup" not in data


def test_it_is_merged_by_itself_only_where_matrix_yaml_says_so() -> None:
    texts = [GITHUB.workflows(1, follow=Follow(automerge=is_merged))[UPSTREAM].decode()
             for is_merged in (False, True)]  # fmt: skip
    assert ["gh pr merge upstream --auto" in text for text in texts] == [False, True]
    assert "Where nobody needs to look" not in texts[0]


@pytest.mark.parametrize("path", [UPSTREAM, BUMP])
def test_the_branch_of_somebody_who_works_on_it_stays(path: str) -> None:
    (job,) = (job for name, job in read(1, path, FOLLOW)["jobs"].items() if can_write(job))
    script = job["steps"][-1]["run"]
    before, _, after = script.rpartition("exit 0")
    assert "somebody works on the branch" in before
    assert "git push --force" not in before
    assert f"git push --force origin {Path(path).stem}" in after
