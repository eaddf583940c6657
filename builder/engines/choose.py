"""Which engine a run uses: what was asked for, or what this machine has."""

from __future__ import annotations

from pathlib import Path

from builder.engines.podman import Podman
from builder.engines.podman_probe import probe
from builder.errors import ToolError
from builder.ports import Engine
from builder.process import Runner


def choose(name: str, runner: Runner, state: Path) -> Engine:
    """The engine `name`; `auto` is docker where its daemon answers, else podman.

    Raises ToolError with what to install.
    """
    found = probe(runner=runner)
    if not found.ok:
        reasons = [
            f"{item.subject}: {item.found}; {item.hint}" for item in found.findings if not item.ok
        ]
        raise ToolError("podman cannot work on this machine", hint="; ".join(reasons))
    return Podman(
        runner=runner,
        state=state / "podman",
        runtime=found.runtime,
        isolation=found.isolation,
        isolated=found.isolated,
        limits=found.limits,
    )
