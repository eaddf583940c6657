"""The run as a whole, in the report: its pace, and what it took of the disk.

What is said of a disk is in bytes: `peak`, what the run's folder took at most; `least_free`, what
was free at least; `budget`, 0 for none; `dropped`, the targets that made room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.build.events import Result
from builder.common import graph
from builder.common.text import amount, count
from builder.plan.models import Step
from builder.plan.time_estimate import remaining


def pace(
    steps: Mapping[str, Step], results: Mapping[str, Result], seconds: float, jobs: int
) -> dict[str, Any]:
    """Wall time against the best that its steps allow, as plain data, in seconds."""
    found = measure_pace(steps, results, wall=seconds, jobs=jobs)
    return {
        "wall": round(found.wall, 1),
        "critical_path": round(found.critical, 1),
        "sum": round(found.total, 1),
        "jobs": jobs,
        "ratio": round(found.ratio, 3),
        "path": list(found.path),
    }


def pace_lines(data: Mapping[str, Any]) -> Sequence[str]:
    """A paragraph of report.md."""
    if not data["path"]:
        return ()
    share = data["sum"] / data["jobs"]
    bound = f"{data['critical_path']:.0f} s, the longest chain of steps"
    if share > data["critical_path"]:
        bound = f"{share:.0f} s, with {data['jobs']} steps at once"
    return (
        f"Took {data['wall']:.0f} s. It cannot be faster than {bound}.",
        f"The longest chain: {', '.join(f'`{step}`' for step in data['path'])}.",
        "",
    )


def disk_lines(data: Mapping[str, Any]) -> Sequence[str]:
    """A paragraph of report.md."""
    if not data.get("peak"):
        return ()
    budget = f", of a budget of {amount(data['budget'])}" if data["budget"] else ""
    number = len(data["dropped"])
    dropped = f" {count(number, 'image')} made room." if number else ""
    return (
        f"This run needed {amount(data['peak'])} of disk{budget};"
        f" {amount(data['least_free'])} were free at the tightest moment.{dropped}",
        "",
    )


def bake_lines(data: Mapping[str, Any]) -> Sequence[str]:
    """A paragraph of report.md: the last `make bench-bake`, as build/bench/bake.json has it."""
    if not data:
        return ()
    return (
        f"Against docker buildx bake, from nothing, on {' '.join(data['selection'])}: builder"
        f" {data['builder']:.0f} s with its tests and pushes, bake {data['bake']:.0f} s, ratio"
        f" {data['ratio']:.2f}.",
        "",
    )


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a run went, in seconds. `path` are the steps of the longest path, in their order."""

    wall: float
    critical: float
    total: float
    jobs: int
    path: tuple[str, ...]

    @property
    def ideal(self) -> float:
        """No order of these steps on so many workers ends sooner."""
        return max(self.critical, self.total / self.jobs)

    @property
    def ratio(self) -> float:
        """Wall time in units of the ideal: 1.0 is the best; 0 where nothing was done."""
        return self.wall / self.ideal if self.ideal else 0.0


def measure_pace(
    steps: Mapping[str, Step], results: Mapping[str, Result], *, wall: float, jobs: int
) -> Pace:
    """Return what a run was, measured against the best that its steps allow."""
    done = {step: steps[step] for step in results if step in steps}
    took = {step: results[step].seconds for step in done}
    longest = remaining(done, took)
    path: list[str] = []
    following = list(done)
    needed = graph.reverse({step.id: step.needs for step in done.values()})
    while following:
        path.append(max(following, key=lambda step: longest[step]))
        following = [step for step in needed[path[-1]] if step in done]
    return Pace(
        wall=wall,
        critical=longest[path[0]] if path else 0.0,
        total=sum(took.values()),
        jobs=jobs,
        path=tuple(step for step in path if took[step]),
    )
