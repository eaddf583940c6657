"""This machine: a plan as the commands that carry it out here, one after another."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from builder.ci.shards import Shards
from builder.ci.systems import Follow
from builder.ci.tasks import Task
from builder.plan.resources import Resources


class Local:
    """No CI system: what a machine does without one."""

    most_jobs = 1
    """The steps of a level are one command, which carries them out at once itself."""
    containers = ()

    def workflows(
        self,
        levels: int,
        containers: Mapping[str, str] = MappingProxyType({}),
        *,
        follow: Follow | None = None,
        tasks: Sequence[Task] = (),
    ) -> dict[str, bytes]:
        """Return nothing: `builder weekly` is the week."""
        return {}

    def jobs(
        self,
        levels: Sequence[Shards],
        *,
        resources: Mapping[str, Resources] = MappingProxyType({}),
    ) -> str:
        """Return a command for each level, a line each, which a shell reads."""
        return "\n".join(
            shlex.join(("builder", "step", *(step.id for step in shard)))
            for level in levels
            for shard in level
        )

    def runs_here(self, environment: Mapping[str, str]) -> bool:
        """Say no: this is what is left where no CI system runs."""
        return False

    def finished(self, step: str, outcome: str, reason: str, *, is_failed: bool) -> str:
        """Return one line about the step: its log has the rest."""
        return f"{outcome}\n"

    def summary(self, environment: Mapping[str, str]) -> Path | None:
        """Return nothing: the report is in a file."""
        return None


LOCAL = Local()
