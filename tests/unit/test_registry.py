"""The embedded registry, where it cannot be served."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from builder.errors import ConflictError, ToolError
from builder.process import Runner
from builder.registry import EmbeddedRegistry


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
        "  hint: end what listens there, or change catalog.embedded in matrix.yaml"
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


def test_it_keeps_what_it_has_in_the_state_folder(runner: Runner, tmp_path: Path) -> None:
    embedded = EmbeddedRegistry(runner=runner, state=tmp_path, address="127.0.0.1:5005")
    data = json.loads(embedded.configuration())
    assert data["storage"]["filesystem"] == {"rootdirectory": str(tmp_path / "storage")}
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
