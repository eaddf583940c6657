"""Measures the disk usage of a run, and admits a step only if it fits on the disk."""

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
_SHARE = 20.0  # measuring takes at most 1/20 of the time


@dataclass(frozen=True, kw_only=True)
class Disk:
    """The disk under a folder. Other file systems mounted in the folder are not counted.

    `elsewhere` is true if the engine stores its images outside of the folder, on the same disk.
    Then `used` also counts how much free space was lost since `began` bytes were free.
    """

    folder: Path
    runner: Runner
    elsewhere: bool = False
    began: int = 0

    def used(self) -> int:
        """Return the bytes that the run uses."""
        argv = ("du", "--summarize", "--one-file-system", "--block-size=1", str(self.folder))
        # du reports an error for files that are removed meanwhile.
        out = self.runner.run(Command(argv=argv, timeout=300), check=False).stdout
        inside = int(out.split()[0]) if out.strip() else 0
        return max(inside, self.began - self.free()) if self.elsewhere else inside

    def free(self) -> int:
        """Return the bytes that are free."""
        return shutil.disk_usage(self.folder).free


@dataclass(frozen=True, kw_only=True)
class DiskUse:
    """The disk usage of a run, in bytes.

    `peak` is the largest usage of its folder, `least_free` the least free space; `budget` is 0 for
    none. `dropped` are the targets whose local images were removed to make room.
    """

    peak: int
    least_free: int
    budget: int
    dropped: tuple[str, ...]


class Measure(Protocol):
    """The used and free bytes of a disk."""

    def used(self) -> int:
        """Return the bytes that the run uses."""

    def free(self) -> int:
        """Return the bytes that are free."""


class Watch:
    """Measures a disk repeatedly, until the `with` block ends."""

    def __init__(self, disk: Measure, *, pause: float = _PAUSE) -> None:
        self._disk = disk
        self._pause = pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._measure_repeatedly, name="disk", daemon=True)
        self.peak = 0
        self._first: int | None = None
        self.least_free = disk.free()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.measure()

    def measure(self) -> None:
        """Measure now. Does nothing in a run that is being stopped."""
        try:
            used = self._disk.used()
        except StepError:
            return
        if self._first is None:
            self._first = used
        self.peak = max(self.peak, used)
        self.least_free = min(self.least_free, self._disk.free())

    @property
    def growth(self) -> int:
        """The bytes that the usage has grown by since it was first measured."""
        return self.peak - (self.peak if self._first is None else self._first)

    def _measure_repeatedly(self) -> None:
        pause = 0.0
        while not self._ended.wait(pause):
            began = time.monotonic()
            self.measure()
            pause = max(self._pause, _SHARE * (time.monotonic() - began))


RESERVE = 1_000_000_000
"""The bytes of a disk that stay free, for logs, caches and errors of the estimate."""


class DiskAdmission:
    """Admission for the targets of a plan. `drop` removes the local images of a target.

    `budget` is in bytes, 0 for all that is free. `parents` maps a target to its parent and inputs.
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
        # Images of an earlier run may still be here; they are the oldest.
        self._droppable = [
            key for key, target_plan in plan.targets.items() if target_plan.action == "reuse"
        ]
        self._local: set[str] = set()
        self._unbuilt = {
            key for key, target_plan in plan.targets.items() if target_plan.action == "build"
        }
        self.dropped: list[str] = []

    def admit(self, step: Step, running: Collection[str]) -> bool:
        """Whether a step may start beside the running ones.

        Unneeded images are dropped first if space is short. Raises StepError if a target does not
        fit into the budget.
        """
        if step.kind == "chart":
            pods = [
                running_step
                for name in running
                if (running_step := self._plan.steps[name]).kind == "chart"
            ]
            needed = sum(self._pod_size(running_step) for running_step in (step, *pods))
            return self._make_space(needed) >= needed or not pods
        if step.kind != "build" or step.action != "build":
            return True
        others = [self._plan.steps[name].target for name in running]
        needed = self._build_size(step.target) + sum(
            self._needs[name].own for name in others if name in self._unbuilt
        )
        available = self._make_space(needed)
        if available < needed and any(name in self._unbuilt for name in others):
            return False
        if available < needed and self._budget:
            raise StepError(
                f"{step.target} needs about {gigabytes(needed)} of disk, but only"
                f" {gigabytes(available)} of the budget of {gigabytes(self._budget)} is left",
                hint="raise --disk-budget, or select fewer targets with -s",
            )
        self._local |= set(self._parents[step.target])
        return True

    def ended(self, result: Result) -> None:
        """Record that a step has ended, and that the image of a built target is on this machine."""
        step = self._plan.steps[result.step]
        target = step.target
        if step.kind == "build" and target in self._unbuilt:
            self._unbuilt.discard(target)
            self._droppable.append(target)
            if result.status == "done":
                self._local.add(target)

    def _make_space(self, needed: int) -> int:
        """Drop unneeded images until `needed` bytes are available; return the available bytes."""
        available = self._available()
        while available < needed and (oldest := self._unneeded()):
            self._droppable.remove(oldest)
            self._local.discard(oldest)
            self._drop(oldest)
            self.dropped.append(oldest)
            available = self._available()
        return available

    def _pod_size(self, step: Step) -> int:
        """Return the bytes of a chart's pod: its first image, in an engine of its own."""
        targets = [self._plan.steps[name].target for name in step.needs[:1]]
        return sum(round(UNPACKED * self._needs[name].whole) for name in targets)

    def _build_size(self, target: str) -> int:
        """Return the bytes that a build uses, with its ancestors unless all of them are local."""
        need = self._needs[target]
        is_whole = self._local.issuperset(self._parents[target])
        return need.own if is_whole else need.alone

    def _unneeded(self) -> str:
        """Return the oldest local target that no remaining build needs, or ""."""
        needed = {name for target in self._unbuilt for name in self._parents[target]}
        return next((key for key in self._droppable if key not in needed), "")

    def _available(self) -> int:
        free = self._disk.free() - RESERVE
        return min(free, self._budget - self._disk.used()) if self._budget else free


def forget(engine: Engine, target_plan: TargetPlan, digest: str, state: StateDir) -> None:
    """Remove the local images of a target and its work folder.

    `digest` is that of the pushed image, or "" for the digest in the plan.
    """
    engine.drop(local_name(target_plan.target.slug))
    pushed_digest = digest or target_plan.digest
    if pushed_digest:
        engine.drop(str(target_plan.repository.at(pushed_digest)))
    shutil.rmtree(state.target(target_plan.target.slug), ignore_errors=True)
