"""Whose turn it is in a folder."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from builder.common.errors import ConflictError, StepError
from builder.common.filelock import exclusive_lock, run_lock, shared_lock


def test_a_second_run_is_told_that_it_is_one(tmp_path: Path) -> None:
    state = tmp_path / "build"
    with run_lock(state), pytest.raises(ConflictError) as caught, run_lock(state):
        raise AssertionError
    assert str(caught.value) == (
        f"another run of the builder is using {state}\n"
        "  hint: wait until it has ended, or run this one in a checkout of its own"
    )
    with run_lock(state):
        pass


def test_steps_may_be_beside_each_other_and_not_beside_a_run(tmp_path: Path) -> None:
    both = pytest.raises(ConflictError)
    with run_lock(tmp_path, beside=True), run_lock(tmp_path, beside=True), both, run_lock(tmp_path):
        raise AssertionError
    with run_lock(tmp_path), pytest.raises(ConflictError), run_lock(tmp_path, beside=True):
        raise AssertionError


def test_a_run_that_is_killed_has_ended(tmp_path: Path) -> None:
    script = (
        "import os, signal, subprocess, sys\nfrom pathlib import Path\n"
        "from builder.common.filelock import run_lock\n"
        "with run_lock(Path(sys.argv[1])):\n"
        "    subprocess.Popen(['sleep', '2'], close_fds=False)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -9
    with run_lock(tmp_path):
        pass


def test_who_publishes_waits_for_who_does(tmp_path: Path) -> None:
    order = []

    def publish() -> None:
        with exclusive_lock(tmp_path):
            order.append("second")

    with exclusive_lock(tmp_path):
        thread = threading.Thread(target=publish)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_what_cannot_be_written_meanwhile_is_said(tmp_path: Path) -> None:
    with pytest.raises(StepError) as caught, exclusive_lock(tmp_path):
        raise OSError(28, "No space left on device")
    assert str(caught.value) == f"{tmp_path}: No space left on device"


def test_several_are_together_in_a_folder_that_nobody_has_alone(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with exclusive_lock(tmp_path):
            entered.set()

    with shared_lock(tmp_path), shared_lock(tmp_path):
        thread = threading.Thread(target=enter)
        thread.start()
        assert not entered.wait(0.2)
    thread.join(10)
    assert entered.is_set()
