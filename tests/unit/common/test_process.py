"""Running programs: what is kept, what is hidden, and how they end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from builder.common.errors import StepError, ToolError, TransientError
from builder.common.limits import PRINTED_HEAD, PRINTED_LINE, PRINTED_TAIL
from builder.common.process import Command, Runner, looks_transient, redact

PATIENCE = 10


def sh(script: str, **more: object) -> Command:
    return Command(argv=("sh", "-c", script), **more)  # type: ignore[arg-type]


def is_alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_gone(pid: int) -> bool:
    """Whether a process that was told to go is gone in a moment."""
    deadline = time.monotonic() + 5
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
    return True


def test_what_it_printed_is_kept(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    output = runner.run(sh("echo out; echo err >&2"), log=log)
    assert (output.code, output.stdout) == (0, "out\n")
    assert sorted(output.log.splitlines()) == ["err", "out"]
    lines = log.read_text().splitlines()
    assert lines[0] == "$ sh -c 'echo out; echo err >&2'"
    assert sorted(lines[1:]) == ["err", "out"]


def test_the_end_of_a_failure_is_what_came_last(runner: Runner) -> None:
    """Whichever of its two outputs a program said it on."""
    script = "seq 30; sleep 0.2; echo cause >&2; sleep 0.2; echo after; sleep 0.2; exit 3"
    with pytest.raises(StepError) as caught:
        runner.run(sh(script))
    lines = [*range(21, 31), "cause", "after"]
    assert caught.value.message == "\n".join(
        ["sh failed with exit code 3", *(f"    {line}" for line in lines)]
    )


@pytest.mark.slow
def test_of_a_long_log_the_beginning_and_the_end_are_kept(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    script = "echo first >&2; seq 1000000 >&2; echo last >&2"
    output = runner.run(sh(script), log=log)
    assert output.log.startswith("first\n1\n2\n")
    assert output.log.endswith("\n999999\n1000000\nlast\n")
    assert len(output.log) < PRINTED_HEAD + PRINTED_TAIL + 100
    (gap,) = (line for line in output.log.splitlines() if line.startswith("["))
    left_out = int(gap.split()[0][1:].replace(",", ""))
    whole = log.stat().st_size - len(f"$ {sh(script)}\n")
    assert len(output.log) - len(f"\n{gap}\n") + left_out == whole


def test_what_is_read_of_a_program_has_a_limit(runner: Runner) -> None:
    assert runner.run(sh("printf 12345", most=5)).stdout == "12345"
    with pytest.raises(StepError) as caught:
        runner.run(sh("printf 123456", most=5))
    assert caught.value.message == "sh printed more than 5 bytes"
    # What it says on the other output is not read.
    assert runner.run(sh("printf 123456 >&2", most=5)).log == "123456"


def test_a_line_without_an_end_is_read_in_pieces(runner: Runner, tmp_path: Path) -> None:
    """And a secret is hidden in the log wherever it stands in the line."""
    log, secret = tmp_path / "a.log", "s3cret"
    told: list[str] = []
    pad = PRINTED_LINE - 3
    script = f"head -c {pad} /dev/zero | tr '\\0' x; printf '%s%s' {secret} y"
    output = runner.run(sh(script, secrets=(secret,)), log=log, on_line=told.append)
    assert output.stdout == "x" * pad + f"{secret}y"
    assert output.log == "".join(told) == "x" * pad + "***y"
    assert log.read_text().splitlines()[1] == "x" * pad + "***y"
    assert len(told) > 1


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_programs_get_one_umask(runner: Runner, mask: int) -> None:
    before = os.umask(mask)
    try:
        assert runner.run(sh("umask")).stdout == "0022\n"
    finally:
        os.umask(before)


def test_what_is_not_tied_goes_on(runner: Runner, tmp_path: Path) -> None:
    tied = runner.spawn(Command(argv=("sleep", "600")))
    free = runner.spawn(Command(argv=("sleep", "600")), tied=False)
    runner.stop()
    assert is_gone(tied.pid)
    assert is_alive(free.pid)
    runner.end(free)
    assert is_gone(free.pid)


def test_a_log_is_added_to(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for word in ("one", "two"):
        runner.run(Command(argv=("echo", word)), log=log)
    assert log.read_text() == "$ echo one\none\n$ echo two\ntwo\n"


def test_arguments_are_no_shell_string(runner: Runner) -> None:
    odd = ("printf", "%s\n", "$HOME; echo x", "a  b", "*", "")
    assert runner.run(Command(argv=odd)).stdout == "$HOME; echo x\na  b\n*\n\n"


def test_environment_folder_and_input(runner: Runner, tmp_path: Path) -> None:
    command = sh('echo "$WORD"; pwd; cat', env={"WORD": "hey"}, cwd=tmp_path, stdin=b"in")
    assert runner.run(command).stdout == f"hey\n{tmp_path}\nin"


def test_without_input_there_is_none(runner: Runner) -> None:
    assert runner.run(Command(argv=("cat",))).stdout == ""


def test_lines_are_told_as_they_come(runner: Runner) -> None:
    lines: list[str] = []
    runner.run(sh("echo one; echo two"), on_line=lines.append)
    assert lines == ["one", "two"]


def test_a_failure_shows_its_last_lines(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with pytest.raises(StepError) as caught:
        runner.run(sh("for i in $(seq 20); do echo $i; done; exit 3"), log=log)
    lines = "\n".join(f"    {number}" for number in range(9, 21))
    assert str(caught.value) == (
        f"sh failed with exit code 3\n{lines}\n  hint: the whole log: {log}"
    )
    assert caught.value.exit_code == 5
    assert not isinstance(caught.value, TransientError)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -KILL $$", "was killed by SIGKILL"),
        ("kill -SEGV $$", "was killed by SIGSEGV"),
        ("exit 137", "was killed by SIGKILL"),
        ("exit 129", "failed with exit code 129"),
    ],
)
def test_what_was_killed_is_said_to_be(runner: Runner, script: str, said: str) -> None:
    with pytest.raises(StepError) as caught:
        runner.run(sh(script))
    assert caught.value.message.splitlines()[0] == f"sh {said}"


def test_a_failure_may_be_looked_at_instead(runner: Runner) -> None:
    assert runner.run(sh("exit 3"), check=False).code == 3


@pytest.mark.parametrize(
    "line",
    [
        "read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer",
        "dial tcp 127.0.0.1:5005: connect: connection refused",
        "received unexpected HTTP status: 503 Service Unavailable",
        "toomanyrequests: Too Many Requests",
        "E: Failed to fetch http://x  Could not connect to x:80",
        "net/http: TLS handshake timeout",
    ],
)
def test_a_fault_of_the_network_is_transient(runner: Runner, line: str) -> None:
    assert looks_transient(line)
    with pytest.raises(TransientError):
        runner.run(Command(argv=("sh", "-c", 'echo "$0"; exit 1', line)))


@pytest.mark.parametrize("line", ["E: Unable to locate package x", "404 Not Found", "no such file"])
def test_other_faults_are_not(line: str) -> None:
    assert not looks_transient(line)


def test_only_the_end_of_a_log_counts() -> None:
    assert not looks_transient("connection reset\n" + "fine\n" * 2000)


def test_a_program_that_is_missing(runner: Runner) -> None:
    with pytest.raises(ToolError) as caught:
        runner.run(Command(argv=("no-such-program", "x")))
    assert str(caught.value) == ("no-such-program is not installed\n  hint: run `builder doctor`")
    assert caught.value.exit_code == 4


# Time limits.


def test_too_long(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with pytest.raises(StepError) as caught:
        runner.run(Command(argv=("sleep", "60"), timeout=0.05), log=log)
    assert str(caught.value) == f"sleep was stopped after 0 s\n  hint: the whole log: {log}"


def test_too_long_ends_the_whole_group(runner: Runner) -> None:
    script = "sleep 60 & echo $!; wait"
    pids: list[int] = []
    with pytest.raises(StepError, match="was stopped after"):
        runner.run(sh(script, timeout=0.3), on_line=lambda line: pids.append(int(line)))
    assert len(pids) == 1
    assert is_gone(pids[0])


def test_stop_ends_what_runs_and_refuses_more() -> None:
    runner, failures, started = Runner(), [], threading.Event()
    pids: list[int] = []

    def note(line: str) -> None:
        pids.append(int(line))
        started.set()

    def work() -> None:
        try:
            runner.run(sh("sleep 60 & echo $!; wait"), on_line=note)
        except StepError as error:
            failures.append(error.message)

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(PATIENCE)
    runner.stop()
    thread.join(PATIENCE)
    assert failures == ["interrupted"]
    assert is_gone(pids[0])
    with pytest.raises(StepError, match=r"^interrupted$"):
        runner.run(Command(argv=("true",)))


def test_a_child_has_a_group_of_its_own(runner: Runner) -> None:
    output = runner.run(sh("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat"))
    assert int(output.stdout) != os.getpgrp()


def test_spawn_and_end(tmp_path: Path) -> None:
    runner, log = Runner(), tmp_path / "a.log"
    process = runner.spawn(sh("echo up; sleep 60"), log=log)
    assert process.poll() is None
    runner.end(process)
    assert process.returncode == -signal.SIGTERM


# Secrets.


def test_secrets_are_nowhere(tmp_path: Path) -> None:
    runner, log = Runner(secrets=("hunter2",)), tmp_path / "a.log"
    lines: list[str] = []
    command = sh("echo hunter2 $KEY; exit 1", env={"KEY": "sesame"}, secrets=("sesame",))
    with pytest.raises(StepError) as caught:
        runner.run(command, log=log, on_line=lines.append)
    assert str(caught.value).splitlines()[1] == "    *** ***"
    assert lines == ["*** ***"]
    assert log.read_text() == "$ KEY=*** sh -c 'echo *** $KEY; exit 1'\n*** ***\n"


def test_what_a_program_answers_is_not_changed() -> None:
    output = Runner(secrets=("hunter2",)).run(Command(argv=("echo", "hunter2")))
    assert (output.stdout, output.log) == ("hunter2\n", "***\n")


def test_redact_leaves_nothing_out_and_takes_nothing_for_a_secret() -> None:
    assert redact("a b a", ("a", "")) == "*** b ***"


def test_a_command_as_one_would_type_it() -> None:
    command = Command(argv=("a b", "$x", "s3cret"), env={"B": "1 2", "A": "s3cret"},
                      secrets=("s3cret",))  # fmt: skip
    assert str(command) == "A=*** B='1 2' 'a b' '$x' ***"


def test_programs_speak_english_wherever_they_run(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "LANG": "de_DE.UTF-8",
        "LANGUAGE": "de",
        "LC_ALL": "de_DE.UTF-8",
        "LC_NUMERIC": "de_DE",
        "CONTAINER_HOST": "tcp://127.0.0.1:1",
        "CONTAINER_CONNECTION": "elsewhere",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OTHER", "kept")
    printed = runner.run(Command(argv=("env",))).stdout.splitlines()
    assert [line for line in printed if line.startswith(("LC_", "LANG"))] == ["LC_ALL=C.UTF-8"]
    assert "OTHER=kept" in printed
    there = [line for line in printed if line.startswith(("CONTAINER_HOST", "CONTAINER_CONN"))]
    assert there == [], "podman builds here"
    own = Command(argv=("sh", "-c", "echo $LC_ALL"), env={"LC_ALL": "C"})
    assert runner.run(own).stdout == "C\n"


def test_a_started_program_speaks_english_too(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    log = tmp_path / "log"
    runner.spawn(sh("echo $LC_ALL-$LANGUAGE-"), log=log).wait()
    assert log.read_text() == "C.UTF-8--\n"


def test_a_program_writes_no_larger_file_than_it_may(runner: Runner, tmp_path: Path) -> None:
    script = f"sleep 0.05; head -c 9000 /dev/zero > {tmp_path}/file"
    with pytest.raises(StepError):
        runner.run(Command(argv=("sh", "-c", script), largest=4096))
    assert (tmp_path / "file").stat().st_size == 4096


def test_a_program_with_a_limit_of_memory_ends_there(runner: Runner) -> None:
    large = "x = bytearray(600_000_000); print(len(x))"
    plain = Command(argv=(sys.executable, "-c", large))
    assert runner.run(plain).stdout == "600000000\n"
    with pytest.raises(StepError, match="MemoryError"):
        runner.run(replace(plain, memory=400 << 20))
    assert runner.run(replace(plain, argv=("true",), memory=400 << 20)).code == 0


def test_what_a_limited_program_starts_is_limited_too(runner: Runner) -> None:
    script = f"sleep 0.2; exec {sys.executable} -c 'bytearray(600_000_000)'"
    command = Command(argv=("sh", "-c", script), memory=400 << 20)
    assert "MemoryError" in runner.run(command, check=False).log
