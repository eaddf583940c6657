"""Programs in a namespace of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builder.common.enclosure import enclosed
from builder.common.process import Command


def test_enclosed_keeps_everything_but_argv() -> None:
    command = Command(argv=("podman", "build"), env={"A": "b"}, timeout=7.0, secrets=("s",))
    wrapped = enclosed(command, cache=Path("/state/library"))
    assert wrapped.argv[:4] == ("setpriv", "--pdeathsig", "KILL", "unshare")
    assert wrapped.argv[-3:] == ("/state/library", "podman", "build")
    assert wrapped.name == "podman"
    assert replace(wrapped, argv=command.argv, program="") == command
