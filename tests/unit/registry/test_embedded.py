"""The embedded registry, where it cannot be served."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from pathlib import Path

import pytest
import requests

from builder.common.errors import ConflictError, StepError, ToolError
from builder.common.process import Command, Runner
from builder.registry.embedded import EmbeddedRegistry


def test_the_port_is_taken(runner: Runner, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        embedded = EmbeddedRegistry(runner=runner, state=tmp_path, address=f"127.0.0.1:{port}")
        with pytest.raises(ConflictError) as caught, embedded.serve():
            pytest.fail("it was served")
    assert str(caught.value) == (
        f"port {port} of 127.0.0.1 is taken, and the charts name it\n"
        "  hint: stop the program that listens there, or change catalog.embedded in matrix.yaml"
    )
    assert caught.value.exit_code == 7


def test_the_program_is_missing(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    embedded = EmbeddedRegistry(runner=runner, state=tmp_path, address="127.0.0.1:0")
    with pytest.raises(ToolError) as caught, embedded.serve():
        pytest.fail("it was served")
    assert str(caught.value) == (
        "docker-registry is not installed\n  hint: apt-get install docker-registry"
    )
    assert caught.value.exit_code == 4


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/v2/", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_runs_that_start_at_once_share_it(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    both = threading.Barrier(4)
    errors: list[BaseException] = []
    answered: list[bool] = []

    def run() -> None:
        embedded = EmbeddedRegistry(runner=Runner(), state=tmp_path, address=address)
        both.wait()
        try:
            with embedded.serve():
                answered.append(answers(address))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert answered == [True] * 4
    assert not answers(address)


def test_it_is_there_until_its_last_user_ends(tmp_path: Path) -> None:
    """A `plan` that ends first, or is interrupted, takes it from no `build`."""
    address = f"127.0.0.1:{free_port()}"
    runner = Runner()
    first = EmbeddedRegistry(runner=runner, state=tmp_path, address=address)
    second = EmbeddedRegistry(runner=Runner(), state=tmp_path, address=address)
    with contextlib.ExitStack() as build:
        with first.serve():
            build.enter_context(second.serve())
            runner.stop()
        assert answers(address)
    assert not answers(address)
    assert not (tmp_path / "owner.json").exists()


def test_one_that_a_killed_run_left_is_used_and_ended(runner: Runner, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    script = (
        "import sys, os, pathlib; from builder.registry.embedded import *\n"
        "from builder.common.process import *\n"
        "state, address = pathlib.Path(sys.argv[1]), sys.argv[2]\n"
        "e = EmbeddedRegistry(runner=Runner(), state=state, address=address)\n"
        "with e.serve(): os.kill(os.getpid(), 9)"
    )
    command = Command(argv=(sys.executable, "-c", script, str(tmp_path), address))
    assert runner.run(command, check=False).code == -9
    assert answers(address)
    with EmbeddedRegistry(runner=runner, state=tmp_path, address=address).serve():
        assert answers(address)
    assert not answers(address)


def test_why_it_did_not_start_is_said(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "docker-registry"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'the disk is full' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    address = f"127.0.0.1:{free_port()}"
    state = tmp_path / "state"
    with (
        pytest.raises(StepError) as caught,
        EmbeddedRegistry(runner=runner, state=state, address=address).serve(),
    ):
        pytest.fail("it was served")
    assert str(caught.value) == (
        f"docker-registry did not start on {address}\n    the disk is full\n"
        f"  hint: the whole log: {state}/registry.log"
    )


def test_it_keeps_what_it_has_in_the_state_folder(runner: Runner, tmp_path: Path) -> None:
    embedded = EmbeddedRegistry(runner=runner, state=tmp_path, address="127.0.0.1:5005")
    data = json.loads(embedded.configuration())
    assert data["storage"]["filesystem"] == {"rootdirectory": str(tmp_path / "storage")}
    assert data["storage"]["maintenance"] == {"readonly": {"enabled": True}}
    assert data["http"]["addr"] == "127.0.0.1:5005"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 999999999, "address": "x"}'])
def test_a_torn_note_of_its_owner_is_nothing(runner: Runner, tmp_path: Path, text: str) -> None:
    (tmp_path / "owner.json").write_text(text)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        embedded = EmbeddedRegistry(runner=runner, state=tmp_path, address=f"127.0.0.1:{port}")
        with pytest.raises(ConflictError), embedded.serve():
            pytest.fail("it was served")
