"""Makes room on the disk while steps run. Implements `execute.Room`.

What is pushed, and on which nothing that is yet to be built stands, is dropped from the engine
where room runs short for a build, or for the pod of a chart, the oldest first. With a budget no
build starts that would not fit.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from builder.disk import Measure
from builder.engines.names import local_name
from builder.errors import StepError
from builder.events import Result
from builder.plan import Plan, Step, TargetPlan
from builder.ports import Engine
from builder.space import UNPACKED, Needs
from builder.text import gigabytes

RESERVE = 1_000_000_000
"""Bytes that are to be left of a disk, for logs, caches and what an estimate got wrong."""


class DiskRoom:
    """Room for the targets of a plan. `drop` forgets what is on this machine of a target.

    `budget` is in bytes, 0 for all that is free. `parents` maps a target to what it is built from.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        needs: Needs,
        parents: Mapping[str, Sequence[str]],
        disk: Measure,
        drop: Callable[[str], None],
        budget: int = 0,
    ) -> None:
        self._plan = plan
        self._needs = needs
        self._parents = parents
        self._disk = disk
        self._drop = drop
        self._budget = budget
        # Those of an earlier run may be there still; they are the oldest.
        self._held = [key for key, item in plan.targets.items() if item.action == "reuse"]
        self._here: set[str] = set()
        self._waiting = {key for key, item in plan.targets.items() if item.action == "build"}
        self.dropped: list[str] = []

    def admit(self, step: Step, running: Collection[str]) -> bool:
        """Whether a step may start beside what runs; room is made first where it is short."""
        if step.kind == "chart":
            pods = [item for name in running if (item := self._plan.steps[name]).kind == "chart"]
            needed = sum(self._played(item) for item in (step, *pods))
            return self._make(needed) >= needed or not pods
        if step.kind != "build" or step.action != "build":
            return True
        others = [name.partition(":")[2] for name in running]
        wanted = self._take(step.target) + sum(
            self._needs[name].own for name in others if name in self._waiting
        )
        left = self._make(wanted)
        if left < wanted and any(name in self._waiting for name in others):
            return False
        if left < wanted and self._budget:
            raise StepError(
                f"{step.target} needs about {gigabytes(wanted)} of disk, and {gigabytes(left)} of"
                f" the budget of {gigabytes(self._budget)} is left",
                hint="give a larger --disk-budget, or select less at once",
            )
        self._here |= set(self._parents[step.target])
        return True

    def ended(self, result: Result) -> None:
        """A step has ended: what it built is here, and what it stood on waits for one less."""
        kind, _, target = result.step.partition(":")
        if kind == "build" and target in self._waiting:
            self._waiting.discard(target)
            self._held.append(target)
            if result.status == "done":
                self._here.add(target)

    def _make(self, wanted: int) -> int:
        """Drop what nothing needs until so many bytes are left, or all of it; what is left."""
        left = self._left()
        while left < wanted and (oldest := self._unneeded()):
            self._held.remove(oldest)
            self._here.discard(oldest)
            self._drop(oldest)
            self.dropped.append(oldest)
            left = self._left()
        return left

    def _played(self, step: Step) -> int:
        """What the pod of a chart takes, which has an engine of its own: its first image."""
        targets = [name.partition(":")[2] for name in step.needs[:1]]
        return sum(round(UNPACKED * self._needs[name].whole) for name in targets)

    def _take(self, target: str) -> int:
        """What a build of it takes: with all that it stands on, where not all of that is here."""
        need = self._needs[target]
        is_whole = self._here.issuperset(self._parents[target])
        return need.own if is_whole else need.alone

    def _unneeded(self) -> str:
        """The oldest that may be here, and that nothing which is yet to be built stands on."""
        needed = {name for target in self._waiting for name in self._parents[target]}
        return next((key for key in self._held if key not in needed), "")

    def _left(self) -> int:
        free = self._disk.free() - RESERVE
        return min(free, self._budget - self._disk.used()) if self._budget else free


def forget(engine: Engine, item: TargetPlan, digest: str, state: Path) -> None:
    """Drop what this machine has of a target: the images of an engine, and its work folder.

    `digest` is that of the image which was pushed, "" for the one that the plan knows.
    """
    engine.drop(local_name(item.target.slug))
    known = digest or item.digest
    if known:
        engine.drop(str(item.repository.at(known)))
    shutil.rmtree(state / "work" / item.target.slug, ignore_errors=True)
