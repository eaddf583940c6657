"""Run the registry `embedded`: a real one, on a fixed port of this machine, kept under `build/`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from builder.common.errors import ConflictError, StepError, ToolError
from builder.common.filelock import exclusive_lock, run_lock, shared_lock
from builder.common.files import write
from builder.common.process import Command, Runner, last_lines, which

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
        """Serve for as long as the context lasts.

        A registry that serves this storage already is used: of several runs, the first starts it
        and the last ends it. Raises ConflictError if something else has the port, ToolError if the
        program is missing.
        """
        users = self._state / "users"
        with contextlib.ExitStack() as stack:
            with exclusive_lock(self._state):  # so that nobody starts or ends it meanwhile
                if not self._is_ours():
                    self._start()
                stack.enter_context(shared_lock(users))
            try:
                yield
            finally:
                with exclusive_lock(self._state):
                    stack.close()
                    with contextlib.suppress(ConflictError), run_lock(users):
                        self._end()

    def _start(self) -> None:
        self._check_port()
        program = which(PROGRAM)
        if program is None:
            raise ToolError(f"{PROGRAM} is not installed", hint=f"apt-get install {PROGRAM}")
        write(self._config, self.configuration())
        process = self._runner.spawn(
            Command(argv=(program, "serve", str(self._config))), log=self._log, tied=False
        )
        try:
            self._wait(process.poll)
            owner = {"pid": process.pid, "address": self._address}
            write(self._owner, json.dumps(owner).encode())
        except BaseException:
            self._runner.end(process)
            raise

    def _end(self) -> None:
        """End the registry, whichever run started it."""
        pid = self._pid()
        self._owner.unlink(missing_ok=True)
        deadline = time.monotonic() + _PATIENCE
        number = signal.SIGTERM
        while pid and self._serves(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if time.monotonic() > deadline:
                number = signal.SIGKILL
            time.sleep(0.05)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    @property
    def _config(self) -> Path:
        return self._state / "config.json"

    @property
    def _owner(self) -> Path:
        return self._state / "owner.json"

    @property
    def _log(self) -> Path:
        return self._state / "registry.log"

    def configuration(self) -> bytes:
        """Return the configuration of the registry; JSON is YAML."""
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
        """Whether a run of the builder started a registry for this storage, and it answers."""
        pid = self._pid()
        return bool(pid) and self._serves(pid) and self._answers()

    def _pid(self) -> int:
        """Return the process id of the registry of this storage and address; 0 if none is known."""
        try:
            owner = json.loads(self._owner.read_text())
            return int(owner["pid"]) if owner["address"] == self._address else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _serves(self, pid: int) -> bool:
        """Whether a process is the registry of this storage; process ids are used again."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self._config) in words

    def _answers(self) -> bool:
        try:
            with requests.Session() as session:
                session.trust_env = False  # it is this machine, which no proxy knows
                return session.get(f"http://{self._address}/v2/", timeout=5).status_code == 200
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
                    hint="stop the program that listens there, or change catalog.embedded in"
                    " matrix.yaml",
                ) from error

    def _wait(self, poll: Callable[[], int | None]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.05)
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        raise StepError(
            f"{PROGRAM} did not start on {self._address}\n{last_lines(text)}",
            hint=f"the whole log: {self._log}",
        )
