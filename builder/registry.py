"""The registry `embedded`: a real one, on a fixed port of this machine, kept under `build/`."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from builder.errors import ConflictError, StepError, ToolError
from builder.files import write
from builder.process import Command, Runner, which

PROGRAM = "docker-registry"
_PATIENCE = 20.0


class EmbeddedRegistry:
    """docker-registry with its storage in `state`, serving on `address` (host:port)."""

    def __init__(self, *, runner: Runner, state: Path, address: str) -> None:
        self._runner = runner
        self._state = state
        self._address = address

    @contextlib.contextmanager
    def serve(self) -> Iterator[None]:
        """Serve for as long as the context lasts; one that serves this storage already is used.

        Raises ConflictError where something else has the port, ToolError where the program is
        missing.
        """
        if self._is_ours():
            yield
            return
        self._check_port()
        program = which(PROGRAM)
        if program is None:
            raise ToolError(f"{PROGRAM} is not installed", hint=f"apt-get install {PROGRAM}")
        config = self._state / "config.json"
        write(config, self.configuration())
        process = self._runner.spawn(
            Command(argv=(program, "serve", str(config))), log=self._state / "registry.log"
        )
        owner = self._state / "owner.json"
        try:
            self._wait(process.poll)
            write(owner, json.dumps({"pid": process.pid, "address": self._address}).encode())
            yield
        finally:
            owner.unlink(missing_ok=True)
            self._runner.end(process)

    def configuration(self) -> bytes:
        """The registry's own configuration; JSON is YAML."""
        data = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(self._state / "storage")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self._address},
        }
        return json.dumps(data, indent=1).encode()

    def _is_ours(self) -> bool:
        """Whether another run of the builder serves this storage now."""
        try:
            owner = json.loads((self._state / "owner.json").read_text())
            os.kill(owner["pid"], 0)
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return owner.get("address") == self._address and self._answers()

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{self._address}/v2/", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def _check_port(self) -> None:
        host, _, port = self._address.rpartition(":")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                raise ConflictError(
                    f"port {port} of {host} is taken, and the charts name it",
                    hint="end what listens there, or change catalog.embedded in matrix.yaml",
                ) from error

    def _wait(self, poll: Callable[[], int | None]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.05)
        log = self._state / "registry.log"
        raise StepError(f"{PROGRAM} did not start on {self._address}", hint=f"see {log}")
