"""Run docker-registry for several runs of the builder: the first starts it, the last ends it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
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
_LISTENS = "0A"  # as the kernel writes the state of a socket


class SharedProcess:
    """A docker-registry that listens on `address`, on a port of its own choice where that is 0.

    `folder` has what the runs know of it. `configure` returns its configuration, and writes the
    files that this names; it is called before each start.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        folder: Path,
        address: str,
        configure: Callable[[], bytes],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._runner = runner
        self._folder = folder
        self._wanted = address
        self._configure = configure
        self._check = check

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Have it run for as long as the context lasts; yield its address.

        Raises what `check` raises before a start, ToolError if the program is missing, StepError.
        """
        users = self._folder / "users"
        with contextlib.ExitStack() as stack:
            with exclusive_lock(self._folder):  # so that nobody starts or ends it meanwhile
                address = self._address()
                if not (address and _answers(address)):
                    address = self._start()
                stack.enter_context(shared_lock(users))
            try:
                yield address
            finally:
                stack.close()
                self.end_unused()

    def end_unused(self) -> None:
        """End it where no run uses it, be it that a killed run left it."""
        if not self._owner.exists():
            return
        with (
            exclusive_lock(self._folder),
            contextlib.suppress(ConflictError),
            run_lock(self._folder / "users"),
        ):
            self._end()

    def _start(self) -> str:
        self._check()
        program = which(PROGRAM)
        if program is None:
            raise ToolError(f"{PROGRAM} is not installed", hint=f"apt-get install {PROGRAM}")
        self._end()  # one that does not answer
        write(self._config, self._configure())
        process = self._runner.spawn(
            Command(argv=(program, "serve", str(self._config))), log=self._log, tied=False
        )
        try:
            address = self._wait(process.pid, process.poll)
            owner = {"pid": process.pid, "asked": self._wanted, "address": address}
            write(self._owner, json.dumps(owner).encode())
        except BaseException:
            self._runner.end(process)
            raise
        return address

    def _end(self) -> None:
        """End the registry, whichever run started it."""
        pid = int(self._owned().get("pid", 0))
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
        return self._folder / "config.json"

    @property
    def _owner(self) -> Path:
        return self._folder / "owner.json"

    @property
    def _log(self) -> Path:
        return self._folder / "registry.log"

    def _owned(self) -> dict[str, str]:
        """Return what is noted of the registry; nothing if none is known."""
        try:
            owner = json.loads(self._owner.read_text())
            pid, address = str(int(owner["pid"])), str(owner["address"])
            asked = str(owner.get("asked", address))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        return {"pid": pid, "address": address} if asked == self._wanted else {}

    def _address(self) -> str:
        """Return the address of the registry that a run of the builder started, or ""."""
        owner = self._owned()
        return owner["address"] if owner and self._serves(int(owner["pid"])) else ""

    def _serves(self, pid: int) -> bool:
        """Whether a process is the registry of this folder; process ids are used again."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self._config) in words

    def _wait(self, pid: int, poll: Callable[[], int | None]) -> str:
        deadline = time.monotonic() + _PATIENCE
        host, _, port = self._wanted.rpartition(":")
        while time.monotonic() < deadline:
            if poll() is not None:
                break
            # Nobody else can have a port that this process listens on.
            found = port if int(port) else _port(pid)
            if found and _answers(f"{host}:{found}"):
                return f"{host}:{found}"
            time.sleep(0.05)
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        raise StepError(
            f"{PROGRAM} did not start on {self._wanted}\n{last_lines(text)}",
            hint=f"the whole log: {self._log}",
        )


def _answers(address: str) -> bool:
    """Whether a registry answers, be it that it asks who is there."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # it is this machine, which no proxy knows
            return session.get(f"http://{address}/v2/", timeout=5).status_code in {200, 401}
    except requests.RequestException:
        return False


def _port(pid: int) -> str:
    """Return the port that a process listens on, as the kernel knows it; "" as long as none."""
    try:
        sockets = {os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()}
        lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return ""
    for _, local, _, state, *words in map(str.split, lines):
        if state == _LISTENS and f"socket:[{words[5]}]" in sockets:
            return str(int(local.rpartition(":")[2], 16))
    return ""
