"""Which engine a run uses: what was asked for, or what this machine has."""

from __future__ import annotations

from pathlib import Path

from builder.common.errors import ToolError
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.engines.docker import Docker, answers
from builder.engines.interfaces import HostEngine
from builder.engines.podman.engine import Podman
from builder.engines.podman.host_probe import probe


def choose(name: str, runner: Runner, state: StateDir) -> HostEngine:
    """The engine `name`; `auto` is docker where its daemon answers, else podman.

    What a killed run left of containers is removed. Raises ToolError with what to install.
    """
    engine: Docker | Podman
    if name == "docker" or (name == "auto" and answers()):
        if not answers():
            raise ToolError(
                "no Docker daemon answers", hint="start it, set DOCKER_HOST, or use --engine podman"
            )
        engine = Docker(runner=runner, state=state.engine("docker"))
    else:
        engine = _podman(runner, state.podman)
    engine.clean_up()
    return engine


def _podman(runner: Runner, state: Path) -> Podman:
    found = probe(runner=runner)
    if not found.ok:
        bad = [item for item in found.findings if not item.ok]
        reasons = "; ".join(f"{item.subject}: {item.found}" for item in bad)
        hint = "; ".join(item.hint for item in bad) or "builder doctor --install"
        raise ToolError(f"podman cannot work on this machine: {reasons}", hint=hint)
    return Podman(
        runner=runner,
        state=state,
        runtime=found.runtime,
        isolation=found.isolation,
        isolated=found.isolated,
        limits=found.limits,
    )
