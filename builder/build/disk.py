"""What a run takes of the disk: measured, and watched while it goes on."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.build.events import Result
from builder.common.errors import StepError
from builder.common.process import Command, Runner
from builder.common.state_dir import StateDir
from builder.common.text import gigabytes
from builder.engines.interfaces import Engine
from builder.engines.names import local_name
from builder.plan.disk_estimate import UNPACKED, Needs
from builder.plan.models import Plan, Step, TargetPlan

_PAUSE = 10.0
_SHARE = 20.0  # of the time, one in so many parts is spent on measuring


@dataclass(frozen=True, kw_only=True)
class Disk:
    """The disk under a folder. What is mounted below the folder is not counted.

    `elsewhere` says that the engine keeps its images outside of the folder, on the same disk:
    then what went of the free room since `began` bytes were free counts too.
    """

    folder: Path
    runner: Runner
    elsewhere: bool = False
    began: int = 0

    def used(self) -> int:
        """The bytes that the run takes."""
        argv = ("du", "--summarize", "--one-file-system", "--block-size=1", str(self.folder))
        # Files come and go meanwhile, at which du complains.
        out = self.runner.run(Command(argv=argv, timeout=300), check=False).stdout
        inside = int(out.split()[0]) if out.strip() else 0
        return max(inside, self.began - self.free()) if self.elsewhere else inside

    def free(self) -> int:
        """The bytes that are free."""
        return shutil.disk_usage(self.folder).free


@dataclass(frozen=True, kw_only=True)
class DiskUse:
    """What a run took of the disk, in bytes.

    `peak` is what its folder took at most, `least_free` what was free at least; `budget` is 0 for
    none. `dropped` are the targets that made room.
    """

    peak: int
    least_free: int
    budget: int
    dropped: tuple[str, ...]


class Measure(Protocol):
    """What is known of a disk, in bytes."""

    def used(self) -> int:
        """Taken by the run."""

    def free(self) -> int:
        """Free for anyone."""


class Watch:
    """Measures a disk again and again, from `with` to its end."""

    def __init__(self, disk: Measure, *, pause: float = _PAUSE) -> None:
        self._disk = disk
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="disk", daemon=True)
        self.peak = 0
        self.least = disk.free()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.look()

    def look(self) -> None:
        """Measure now; a run that was told to end is not measured any more."""
        try:
            self.peak = max(self.peak, self._disk.used())
        except StepError:
            return
        self.least = min(self.least, self._disk.free())

    def _go_on(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            began = time.monotonic()
            self.look()
            pause = max(self._pause, _SHARE * (time.monotonic() - began))


RESERVE = 1_000_000_000
"""Bytes that are to be left of a disk, for logs, caches and what an estimate got wrong."""


class DiskAdmission:
    """Admission for the targets of a plan. `drop` forgets what is on this machine of a target.

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
        others = [self._plan.steps[name].target for name in running]
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
        step = self._plan.steps[result.step]
        target = step.target
        if step.kind == "build" and target in self._waiting:
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
        targets = [self._plan.steps[name].target for name in step.needs[:1]]
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


def forget(engine: Engine, item: TargetPlan, digest: str, state: StateDir) -> None:
    """Drop what this machine has of a target: the images of an engine, and its work folder.

    `digest` is that of the image which was pushed, "" for the one that the plan knows.
    """
    engine.drop(local_name(item.target.slug))
    known = digest or item.digest
    if known:
        engine.drop(str(item.repository.at(known)))
    shutil.rmtree(state.target(item.target.slug), ignore_errors=True)
