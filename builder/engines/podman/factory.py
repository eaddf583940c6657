"""podman by its name in the table of engines: whether this machine has it, and how it is made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.common.errors import ToolError
from builder.common.process import Runner, which
from builder.engines.interfaces import Finding
from builder.engines.podman.engine import Podman
from builder.engines.podman.host_probe import probe
from builder.engines.podman.storage import Home


class PodmanFactory:
    """Makes a podman that keeps all it has in the folder that it is given."""

    keeps_elsewhere = ""
    packages: Mapping[str, tuple[str, ...]] = {
        "podman": ("podman", "runc", "uidmap", "netavark", "aardvark-dns", "iptables", "nftables",
                   "catatonit"),
    }  # fmt: skip

    def is_ready(self, runner: Runner) -> bool:
        """Whether this machine can use it."""
        return probe(runner=runner).ok

    def make(self, runner: Runner, state: Path) -> Podman:
        """Make it as this machine needs it. Raises ToolError with what to install."""
        choice = probe(runner=runner)
        if not choice.ok:
            failures = [finding for finding in choice.findings if not finding.ok]
            reasons = "; ".join(f"{finding.subject}: {finding.found}" for finding in failures)
            hint = "; ".join(finding.hint for finding in failures) or "builder doctor --install"
            raise ToolError(f"podman cannot work on this machine: {reasons}", hint=hint)
        return Podman(
            runner=runner,
            state=state,
            runtime=choice.runtime,
            isolation=choice.isolation,
            isolated=choice.isolated,
            limits=choice.limits,
        )

    def findings(self, runner: Runner) -> Iterator[Finding]:
        """Say what this machine has of what podman needs."""
        if which("podman"):
            yield from probe(runner=runner).findings

    def has_built(self, config: Mapping[str, Any]) -> bool:
        """Whether an image can be of podman, which leaves no mark: it has not that of BuildKit."""
        history = config.get("history") or [{}]
        return "buildkit" not in str(history[-1].get("comment", ""))

    def outside(self, state: Path) -> tuple[Path, ...]:
        """Return what podman keeps outside of its folder: its run root, below /tmp."""
        return Home(state=state.absolute(), short=True).outside

    def remove_state(self, state: Path) -> None:
        """Remove the folder of a podman that has ended, and its run root."""
        for folder in (*self.outside(state), state):
            shutil.rmtree(folder, ignore_errors=True)


PODMAN = PodmanFactory()
