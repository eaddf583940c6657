"""Reports on the run as a whole: its pace and its disk usage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.build.disk import DiskUse
from builder.build.events import Result
from builder.common import graph
from builder.common.mappings import json_object
from builder.common.text import amount, count
from builder.plan.models import Step
from builder.plan.time_estimate import remaining
from builder.report.document import Bake, Pace


def pace(
    steps: Mapping[str, Step], results: Mapping[str, Result], seconds: float, jobs: int
) -> Pace:
    """Return the pace of a run, rounded; `seconds` is its wall time."""
    measured = measure_pace(steps, results, wall=seconds, jobs=jobs)
    return Pace(
        wall=round(measured.wall, 1),
        critical_path=round(measured.critical, 1),
        sum=round(measured.total, 1),
        jobs=jobs,
        ratio=round(measured.ratio, 3),
        path=measured.path,
    )


def pace_lines(pace: Pace) -> Sequence[str]:
    """Return a paragraph of report.md on the pace."""
    if not pace.path:
        return ()
    share = pace.sum / pace.jobs
    bound = f"{pace.critical_path:.0f} s, the longest chain of steps"
    if share > pace.critical_path:
        bound = f"{share:.0f} s, with {pace.jobs} steps at once"
    return (
        f"Took {pace.wall:.0f} s. It cannot be faster than {bound}.",
        f"The longest chain: {', '.join(f'`{step}`' for step in pace.path)}.",
        "",
    )


def disk_lines(disk: DiskUse | None) -> Sequence[str]:
    """Return a paragraph of report.md on the disk."""
    if disk is None or not disk.peak:
        return ()
    budget = f", of a budget of {amount(disk.budget)}" if disk.budget else ""
    number = len(disk.dropped)
    dropped = f" {count(number, 'image')} made room." if number else ""
    return (
        f"This run needed {amount(disk.peak)} of disk{budget};"
        f" {amount(disk.least_free)} were free at the tightest moment.{dropped}",
        "",
    )


def read_bake(file: Path) -> Bake | None:
    """Return the last measurement of `make bench-bake`, None if there is none."""
    data = json_object(file.read_bytes()) if file.is_file() else None
    if not data:
        return None
    return Bake(
        selection=tuple(data["selection"]),
        builder=data["builder"],
        bake=data["bake"],
        ratio=data["ratio"],
    )


def bake_lines(bake: Bake | None) -> Sequence[str]:
    """Return a paragraph of report.md on the last `make bench-bake`."""
    if bake is None:
        return ()
    return (
        f"Against docker buildx bake, from nothing, on {' '.join(bake.selection)}: builder"
        f" {bake.builder:.0f} s with its tests and pushes, bake {bake.bake:.0f} s, ratio"
        f" {bake.ratio:.2f}.",
        "",
    )


@dataclass(frozen=True, kw_only=True)
class MeasuredPace:
    """The pace of a run in seconds. `path` are the steps of the longest path in order."""

    wall: float
    critical: float
    total: float
    jobs: int
    path: tuple[str, ...]

    @property
    def ideal(self) -> float:
        """The least seconds that these steps need on so many workers, in any order."""
        return max(self.critical, self.total / self.jobs)

    @property
    def ratio(self) -> float:
        """Wall time divided by the ideal: 1.0 is the best; 0 if nothing was done."""
        return self.wall / self.ideal if self.ideal else 0.0


def measure_pace(
    steps: Mapping[str, Step], results: Mapping[str, Result], *, wall: float, jobs: int
) -> MeasuredPace:
    """Return the pace of a run; `wall` is its wall time in seconds."""
    done = {step: steps[step] for step in results if step in steps}
    took = {step: results[step].seconds for step in done}
    longest = remaining(done, took)
    path: list[str] = []
    following = list(done)
    needed = graph.reverse({step.id: step.needs for step in done.values()})
    while following:
        path.append(max(following, key=lambda step: longest[step]))
        following = [step for step in needed[path[-1]] if step in done]
    return MeasuredPace(
        wall=wall,
        critical=longest[path[0]] if path else 0.0,
        total=sum(took.values()),
        jobs=jobs,
        path=tuple(step for step in path if took[step]),
    )
