"""What a run stands on is killed under it: the engine, a smoke test, another worker."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.faults.catalog import LATER, RELEASE, descendants, kill
from tests.integration.faults.conftest import At, Moment, World


def ends_one(world: World, *, after: str, program: str) -> subprocess.CompletedProcess[str]:
    """A week in which a program is killed once another runs; each by how its command begins."""
    process = world.checkout.start("weekly", BUILDER_TODAY=LATER)
    try:
        wait_for(process, after)
        os.kill(wait_for(process, program), signal.SIGKILL)
        out, err = process.communicate(timeout=120)
    finally:
        kill(process)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def wait_for(process: subprocess.Popen[str], program: str) -> int:
    """The process of a run whose command begins so."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        for pid in descendants(process.pid):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                if " ".join(words).startswith(program):
                    return pid
        time.sleep(0.05)
    raise AssertionError(f"never started: {program}")


@pytest.mark.parametrize(
    ("path", "slow", "after", "program", "code", "said"),
    [
        pytest.param(
            "Dockerfile.j2",
            "FROM {{ parent }}\nCOPY files/ /other/\nRUN sleep 985\n",
            "sleep 985",
            "podman build ",
            5,
            "build:other/os=1 failed: podman was killed by SIGKILL\n",
            id="the engine",
        ),
        pytest.param(
            "tests/test_other.py",
            "import time\n\n\ndef test_other(host):\n    time.sleep(600)\n",
            f"{sys.executable} -m pytest ",
            f"{sys.executable} -m pytest ",
            6,
            "build:other/os=1 failed: other/os=1: the smoke test did not finish:"
            f" {Path(sys.executable).name} was killed by SIGKILL\n",
            id="the smoke test",
        ),
    ],
)
def test_what_is_killed_fails_its_step_alone(
    at: At, released: Moment, path: str, slow: str, after: str, program: str, code: int, said: str
) -> None:
    world = at(released)
    world.checkout.edit("other")
    file = world.checkout.root / "images" / "other" / path
    well = file.read_text()
    file.write_text(slow)
    before = world.offered()
    done = ends_one(world, after=after, program=program)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "retry just this: builder step 'build:other/os=1'" in done.stderr
    world.check()
    # What is offered of it is last week's.
    assert world.offered()["f-other"]["latest"] == before["f-other"]["latest"]
    file.write_text(well)
    world.gate.forget()
    world.completes(BUILDER_TODAY=LATER)
    assert world.gate.built() == ["f-other"]


def test_a_worker_that_is_killed_loses_its_own_step_alone(at: At, released: Moment) -> None:
    """Two workers with nothing in common but the registry; a third finishes what one did not."""
    world = at(released)
    world.checkout.edit("other")
    world.checkout.edit("tool")
    second, third = (world.checkout.again(world.scratch / name) for name in ("second", "third"))
    world.dies(
        "PUT /v2/f-other/manifests/fp-[0-9a-f]{32}$",
        "step",
        "build:other/os=1",
        carried_out=False,
        BUILDER_TODAY=LATER,
    )
    world.gate.forget()
    for worker, step in (
        (second, "build:tool/os=1"),
        (third, "build:app/os=1"),
        (third, "build:other/os=1"),
    ):
        assert world.current() == RELEASE
        done = worker.run("step", step, BUILDER_TODAY=LATER)
        assert done.returncode == 0, done.stderr
        world.check()
    assert world.gate.built() == ["f-app", "f-other", "f-tool"]
