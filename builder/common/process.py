"""Runs programs; no other module imports subprocess.

A command is data: a list of arguments with its environment, never a shell string. Each runs in
its own process group, with a time limit, and its output is redacted before it is stored.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from builder.common.control_group import Group
from builder.common.errors import StepError, ToolError, TransientError
from builder.common.limits import PRINTED, PRINTED_HEAD, PRINTED_LINE, PRINTED_TAIL, binary

# These make podman use another machine, which does not have our folders.
_ELSEWHERE = {"CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY"}
_PATIENCE = 5.0  # seconds between two looks at whether a program waits in vain
_LOCALE = "C.UTF-8"  # C.UTF-8 and not C: names of files may hold any character
# Messages of networks and registries after which trying again may help.
_TRANSIENT = (
    "connection reset", "connection refused", "connection timed out", "i/o timeout",
    "temporary failure", "tls handshake timeout", "unexpected eof", "too many requests",
    "503 service unavailable", "502 bad gateway", "504 gateway", "500 internal server error",
    "received unexpected http status: 5", "read timed out", "could not connect to",
    "layer not known",  # podman: that of another image, which was removed just then
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Command:
    """One program to run. `secrets` are values that must never be shown.

    `memory` is how many bytes it may use, 0 for any; with it, the processor's seconds end too.
    `program` is its name in messages, where another program starts it. `env` comes on top of this
    process's environment, whose locale is left out (see `environment`). `most` is how many bytes it
    may print to be read, and `largest` how many it may write into one file, 0 for any. `group` is
    the control group that it runs in, if not in that of this process.
    """

    argv: tuple[str, ...]
    program: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    timeout: float = 600.0
    stdin: bytes | None = None
    secrets: tuple[str, ...] = ()
    memory: int = 0
    most: int = PRINTED
    largest: int = 0
    group: Group | None = None

    @property
    def name(self) -> str:
        """Return the name of the program for messages."""
        return self.program or Path(self.argv[0]).name

    def __str__(self) -> str:
        """Return the command as a shell line with its extra environment, secrets redacted."""
        words = [f"{key}={shlex.quote(value)}" for key, value in sorted(self.env.items())]
        words.append(shlex.join(self.argv))
        return redact(" ".join(words), self.secrets)


@dataclass(frozen=True, kw_only=True)
class Output:
    """The result of a command: its exit code, its standard output, and all that it printed.

    Of a long log only the beginning and the end is here.
    """

    code: int
    stdout: str
    log: str


class _Stdout:
    """What a program prints to be read, up to a limit; `is_cut` where there was more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: list[bytes] = []
        self._size = 0
        self.is_cut = False

    def add(self, piece: bytes) -> None:
        """Add what was printed."""
        self._size += len(piece)
        self.is_cut |= self._size > self._most
        if not self.is_cut:
            self._pieces.append(piece)

    @property
    def text(self) -> str:
        """All of it."""
        return b"".join(self._pieces).decode(errors="replace")


class _Printed:
    """The beginning and the end of what a program prints. Two threads may add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head: list[bytes] = []
        self._tail: deque[bytes] = deque()
        self._room, self._kept, self._dropped = PRINTED_HEAD, 0, 0

    def add(self, piece: bytes) -> None:
        """Add what was printed; what stood longest before the end is dropped for it."""
        with self._lock:
            if not self._tail and len(piece) <= self._room:
                self._room -= len(piece)
                self._head.append(piece)
                return
            self._tail.append(piece)
            self._kept += len(piece)
            while self._kept > PRINTED_TAIL:
                size = len(self._tail.popleft())
                self._kept -= size
                self._dropped += size

    @property
    def text(self) -> str:
        """What is kept, with a line for what is not."""
        gap = f"\n[{self._dropped:,} bytes are left out]\n" if self._dropped else ""
        parts = (*self._head, gap.encode(), *self._tail)
        return b"".join(parts).decode(errors="replace")


def redact(text: str, secrets: Sequence[str]) -> str:
    """Return `text` with every secret value replaced by `***`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text


def which(name: str, path: str | None = None) -> str | None:
    """Return the absolute path of a program, or None."""
    return shutil.which(name, path=path)


def environment(command: Command) -> dict[str, str]:
    """Return the environment of a program: that of this process, with the locale C.UTF-8.

    Those that send podman to another machine are left out.

    What programs print is parsed, so their texts, dates, numbers and sort order must be the same on
    every machine. A command's own `env` has the last word.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"LANG", "LANGUAGE", *_ELSEWHERE} and not name.startswith("LC_")
    }
    return {**inherited, "LC_ALL": _LOCALE, **command.env}


def looks_transient(log: str) -> bool:
    """Whether the end of a log shows a fault that may pass by itself."""
    tail = log[-4000:].lower()
    return any(mark in tail for mark in _TRANSIENT)


class Runner:
    """Runs commands, and ends all of them at once when asked to.

    `secrets` are hidden in the output of every command. `environment` is added to that of
    this process for every command; a command's own variables win.
    """

    def __init__(
        self, *, secrets: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self._secrets = tuple(secrets)
        self._environment = dict(environment or {})
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._of_thread = threading.local()

    @property
    def group(self) -> Group | None:
        """The control group for what the step of this thread starts to build and to test."""
        return getattr(self._of_thread, "group", None)

    @contextlib.contextmanager
    def in_group(self, group: Group | None) -> Iterator[None]:
        """Have `group` be that of this thread until the block ends."""
        before, self._of_thread.group = self.group, group
        try:
            yield
        finally:
            self._of_thread.group = before

    def run(
        self,
        command: Command,
        *,
        log: Path | None = None,
        check: bool = True,
        on_line: Callable[[str], None] | None = None,
        hopeless: Callable[[], str] | None = None,
    ) -> Output:
        """Run to the end, or until `hopeless` says why; log it. Raises StepError, ToolError."""
        command = replace(command, secrets=(*command.secrets, *self._secrets))
        with self._start(command) as process, _opened(log) as sink:
            sink.write(f"$ {command}\n".encode())  # to nothing, where there is no log
            printed = _Printed()  # as it came: the cause of a failure stands among the last
            stdout = _Stdout(command.most)
            reader = threading.Thread(
                target=_pump, args=(process.stderr, (printed,), sink, command.secrets, on_line)
            )
            reader.start()
            expired = threading.Event()
            timer = threading.Timer(command.timeout, _expire, args=(expired, process))
            watch = _Watch(process, hopeless)
            timer.start()
            try:
                _give(process, command.stdin)
                _pump(process.stdout, (printed, stdout), sink, command.secrets, on_line)
                process.wait()
            finally:
                timer.cancel()
                _terminate(process)
                reader.join(timeout=10)
                watch.end()
        text = redact(printed.text, command.secrets)
        output = Output(code=process.returncode, stdout=stdout.text, log=text)
        if watch.reason:
            raise StepError(f"{command.name} was ended: {watch.reason}", hint=_see(log))
        if check and (output.code != 0 or expired.is_set()):
            raise self._failure(command, output, log, expired=expired.is_set())
        _refuse_cut(command, stdout, log)
        return output

    def spawn(
        self, command: Command, *, log: Path | None = None, tied: bool = True
    ) -> subprocess.Popen[bytes]:
        """Start a program that goes on by itself; the caller ends it with `end`.

        A program that is not `tied` keeps running when `stop` ends all others.
        """
        with _opened(log) as sink:
            process = self._popen(command, stdout=sink, stderr=subprocess.STDOUT)
        if not tied:
            with self._lock:
                self._running.discard(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a spawned program: SIGTERM, then SIGKILL, to its whole group."""
        _terminate(process)
        with self._lock:
            self._running.discard(process)

    def stop(self) -> None:
        """End everything that runs, and refuse to start more."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            _terminate(process)

    @contextlib.contextmanager
    def _start(self, command: Command) -> Iterator[subprocess.Popen[bytes]]:
        process = self._popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            yield process
        finally:
            self.end(process)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()

    def _popen(
        self, command: Command, *, stdout: int | IO[bytes], stderr: int
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise StepError("interrupted")
            try:
                process = subprocess.Popen(
                    command.argv,
                    env={**environment(command), **self._environment, **command.env},
                    cwd=command.cwd,
                    umask=0o022,  # what they make goes into images, where others must read it
                    stdin=subprocess.PIPE if command.stdin is not None else subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise ToolError(
                    f"{command.argv[0]} is not installed", hint="run `builder doctor`"
                ) from error
            self._running.add(process)
            _limit(process.pid, command)
            if command.group is not None:
                command.group.join(process.pid)
            return process

    def _failure(
        self, command: Command, output: Output, log: Path | None, *, expired: bool
    ) -> StepError:
        name = command.name
        if self._stopped:
            return StepError("interrupted")
        if expired:
            return StepError(f"{name} was stopped after {command.timeout:.0f} s", hint=_see(log))
        kind = TransientError if looks_transient(output.log) else StepError
        return kind(f"{name} {ended(output.code)}\n{last_lines(output.log)}", hint=_see(log))


def _refuse_cut(command: Command, stdout: _Stdout, log: Path | None) -> None:
    """Raise StepError where a program printed more than is read of it."""
    if stdout.is_cut:
        raise StepError(f"{command.name} printed more than {binary(command.most)}", hint=_see(log))


class _Watch:
    """Asks every few seconds whether a process waits in vain, and ends it for that `reason`."""

    def __init__(
        self, process: subprocess.Popen[bytes], hopeless: Callable[[], str] | None
    ) -> None:
        self.reason = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, args=(process, hopeless), daemon=True)
        if hopeless is not None:
            self._thread.start()

    def _ask(self, process: subprocess.Popen[bytes], hopeless: Callable[[], str]) -> None:
        while not self._ended.wait(_PATIENCE):
            if reason := hopeless():
                self.reason = reason
                _terminate(process)
                return

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)


def _limit(pid: int, command: Command) -> None:
    """Bound a program, and what it starts, that reads what may be made to use up a machine."""
    if command.memory:
        seconds = math.ceil(command.timeout)
        with contextlib.suppress(ProcessLookupError):  # it ended already
            resource.prlimit(pid, resource.RLIMIT_AS, (command.memory, command.memory))
            resource.prlimit(pid, resource.RLIMIT_CPU, (seconds, seconds))
    if command.largest:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (command.largest, command.largest))


def last_lines(text: str) -> str:
    """Return the end of what a program printed, as it stands below a message."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-12:])


def ended(code: int) -> str:
    """Return how a program ended. 137 is the code of a shell whose child was killed."""
    number = signal.SIGKILL if code == 128 + signal.SIGKILL else -code
    if number > 0:
        return f"was killed by {signal.Signals(number).name}"
    return f"failed with exit code {code}" if code else "ended with exit code 0"


def _see(log: Path | None) -> str:
    return f"the whole log: {log}" if log else ""


def _opened(log: Path | None) -> contextlib.AbstractContextManager[IO[bytes]]:
    if log is None:
        return open(os.devnull, "wb")
    log.parent.mkdir(parents=True, exist_ok=True)
    return open(log, "ab", buffering=0)


def _pump(
    stream: IO[bytes] | None,
    buffers: Sequence[_Stdout | _Printed],
    sink: IO[bytes],
    secrets: Sequence[str],
    on_line: Callable[[str], None] | None,
) -> None:
    """Copy a stream line by line: whole to each of `buffers`, redacted to `sink` and `on_line`.

    A line that does not end is taken in pieces, each with the end of the one before where a secret
    may begin.
    """
    assert stream is not None
    held = max((len(secret) for secret in secrets), default=1) - 1
    begun = ""
    while piece := stream.readline(PRINTED_LINE):
        for buffer in buffers:
            buffer.add(piece)
        text = redact(begun + piece.decode(errors="replace"), secrets)
        cut = len(text) if text.endswith("\n") or held <= 0 else -held
        _show(text[:cut], sink, on_line)
        begun = text[cut:]
    _show(begun, sink, on_line)


def _show(text: str, sink: IO[bytes], on_line: Callable[[str], None] | None) -> None:
    if not text:
        return
    sink.write(text.encode())
    if on_line is not None:
        on_line(text.rstrip("\n"))


def _give(process: subprocess.Popen[bytes], data: bytes | None) -> None:
    """Write the input of a program; it may have ended without reading it."""
    if data is not None:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(data)
            process.stdin.close()


def _expire(late: threading.Event, process: subprocess.Popen[bytes]) -> None:
    """End a command after its time limit, and set `late`: its exit code may be 0 nonetheless."""
    late.set()
    _terminate(process)


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """End a process and its whole group: by SIGTERM, then by SIGKILL."""
    if process.poll() is not None:
        return
    for number, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience
        is_left = _signal_group(process, number)
        # Other members may still be running when the leader has ended.
        while is_left and time.monotonic() < deadline:
            time.sleep(0.01)
            process.poll()  # a leader stays in its group until its exit code is read
            is_left = _signal_group(process, 0) and _lives(process.pid)
        if not is_left:
            process.poll()  # read the exit code of a leader that ended after the last poll
            return


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to a group (0 only tests it); return whether the group still exists."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _lives(group: int) -> bool:
    """Whether a group has a member that is not a zombie; init may take a second to reap those."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # pid (name) state parent group …; the name may hold anything.
            state, _, member_of = stat.read_text().rpartition(")")[2].split()[:3]
            if int(member_of) == group and state != "Z":
                return True
    return False
