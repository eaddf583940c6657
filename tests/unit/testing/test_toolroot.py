"""The tool root: when it is needed, and the commands that make and enter it."""

from __future__ import annotations

import json
from pathlib import Path

from builder.common.process import Command, Output, Runner
from builder.testing.toolroot import MARKER, PACKAGES, ToolRoot, apart, bootstrap, need, wanted


class Bootstrap(Runner):
    """Makes the folder that mmdebstrap would make, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, ...]] = []

    def run(self, command: Command, **_: object) -> Output:
        """Stand in for mmdebstrap."""
        self.calls.append(command.argv)
        (Path(command.argv[-1]) / "etc").mkdir(parents=True)
        return Output(code=0, stdout="", log="")


def test_need_says_why() -> None:
    old = need(program="podman", version=(4, 3, 1), least=(5, 0))
    assert (old.needed, old.reason) == (True, "podman 4.3.1 is older than 5.0")
    new = need(program="podman", version=(5, 4, 2), least=(5, 0))
    assert (new.needed, new.reason) == (False, "podman 5.4.2 is on this host")
    absent = need(program="dockerd", version=(), least=(26,))
    assert (absent.needed, absent.reason) == (True, "dockerd is not on this host")


def test_it_is_made_once(tmp_path: Path) -> None:
    runner = Bootstrap()
    root = ToolRoot(path=tmp_path / "root", runner=runner)
    assert not root.ready
    root.ensure()
    root.ensure()
    assert root.ready
    assert runner.calls == [bootstrap(tmp_path / "root.part", PACKAGES).argv]
    assert not (tmp_path / "root.part").exists()


def test_another_list_of_packages_makes_it_anew(tmp_path: Path) -> None:
    runner = Bootstrap()
    ToolRoot(path=tmp_path / "root", runner=runner, packages=("podman",)).ensure()
    ToolRoot(path=tmp_path / "root", runner=runner, packages=("podman", "runc")).ensure()
    assert len(runner.calls) == 2


def test_a_torn_marker_makes_it_anew(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / MARKER).write_text(json.dumps(wanted(PACKAGES))[:-5])
    assert not ToolRoot(path=tmp_path, runner=Bootstrap()).ready


def test_bootstrap_is_from_the_host_s_own_source() -> None:
    command = bootstrap(Path("/w/root"), ("runc", "podman"))
    assert command.argv == (
        *("mmdebstrap", "--variant=minbase", "--include=podman,runc", "trixie", "/w/root"),
    )


def test_a_command_inside(tmp_path: Path) -> None:
    root = ToolRoot(path=tmp_path, runner=Bootstrap(), binds=(Path("/w/build"),))
    command = root.command(
        Command(argv=("podman", "info"), env={"A": "b"}, timeout=9.0), binds=(Path("/x"),)
    )
    assert command.argv[:3] == ("setpriv", "--pdeathsig", "KILL")
    assert "--kill-child=KILL" in command.argv
    assert command.argv[-5:] == ("/w/build", "/x", "--", "podman", "info")
    assert (dict(command.env), command.timeout) == ({"A": "b"}, 9.0)


def test_apart_chooses_the_signal() -> None:
    assert "--kill-child=TERM" in apart(Command(argv=("true",)), signal="TERM").argv
