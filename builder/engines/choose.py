"""Which engine a run uses: what was asked for, or what this machine has."""

from __future__ import annotations

from pathlib import Path

from builder.engines.podman import Podman
from builder.errors import ToolError
from builder.ports import Engine
from builder.process import Runner, which


def choose(name: str, runner: Runner, state: Path) -> Engine:
    """The engine `name`; `auto` is docker where its daemon answers, else podman."""
    if which("podman") is None:
        raise ToolError("podman is not installed", hint="apt-get install podman")
    return Podman(runner=runner, state=state / "podman")
