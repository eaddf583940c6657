"""Divides a plan into jobs of other machines: into levels, and each level into shards.

The steps of a level do not wait for each other. They can be carried out at the same time once those
of all lower levels have ended. The shards of a level, one for each job, take about as long as one
another. Pure: the same plan and the same estimates give the same shards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from builder.catalog.expansion import Expansion
from builder.ci.systems import SECONDS
from builder.common import graph
from builder.plan.models import BROUGHT, Plan, Step

Shards = tuple[tuple[Step, ...], ...]
"""The steps of one level, one tuple for each job."""
_ACTIONS = frozenset({*BROUGHT, "test", "package"})


def depth(expansion: Expansion) -> int:
    """Return how many levels a plan of a catalog can have, which its workflow has jobs for."""
    level_of: dict[str, int] = {}
    needs = expansion.needs
    for target in graph.order(needs):
        level_of[target] = 1 + max((level_of[need] for need in needs[target]), default=-1)
    return 1 + max(level_of.values(), default=-1) + bool(expansion.charts)


def levels(plan: Plan) -> tuple[tuple[Step, ...], ...]:
    """Return the steps in which there is something to do, by level, in the order of the plan.

    The release is not among them: it comes last, whatever became of the others.
    """
    pending = {step.id: step for step in plan.steps.values() if step.action in _ACTIONS}
    needs = {step.id: [need for need in step.needs if need in pending] for step in pending.values()}
    level_of: dict[str, int] = {}
    for step in graph.order(needs):
        level_of[step] = 1 + max((level_of[need] for need in needs[step]), default=-1)
    return tuple(
        tuple(step for step in pending.values() if level_of[step.id] == level)
        for level in range(1 + max(level_of.values(), default=-1))
    )


def jobs(
    plan: Plan, seconds: Mapping[str, float], *, most: int, worth: float = SECONDS
) -> tuple[Shards, ...]:
    """Divide each level of a plan into shards; see `divide`."""
    return tuple(divide(level, seconds, most=most, worth=worth) for level in levels(plan))


def divide(
    steps: Sequence[Step], seconds: Mapping[str, float], *, most: int, worth: float = SECONDS
) -> Shards:
    """Divide steps into as many shards as there is work for, and at most `most`.

    `worth` are the seconds of work for which one is opened.
    """
    work = sum(seconds.get(step.id, 0.0) for step in steps)
    return pack(steps, seconds, max(1, min(most, math.ceil(work / worth))))


def pack(steps: Iterable[Step], seconds: Mapping[str, float], shards: int) -> Shards:
    """Put steps into at most so many shards, the longest first into the one with least to do.

    No shard is empty; within one, steps are in the order given.
    """
    steps_by_id = {step.id: step for step in steps}
    loads = [0.0] * shards
    placed: dict[str, int] = {}
    for step in sorted(steps_by_id, key=lambda step: (-seconds.get(step, 0.0), step)):
        # Of shards that have as much to do, the one with fewer steps: some take no time.
        counts = list(placed.values())
        lightest = min(range(shards), key=lambda index: (loads[index], counts.count(index)))
        loads[lightest] += seconds.get(step, 0.0)
        placed[step] = lightest
    packed = (
        tuple(step for key, step in steps_by_id.items() if placed[key] == index)
        for index in range(shards)
    )
    return tuple(shard for shard in packed if shard)
