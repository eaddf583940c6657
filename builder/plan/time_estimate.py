"""Estimates how long steps take, and so which step is the most urgent. Pure.

The step with the longest path of work behind it comes first. The time of a step comes from the
current release, else from the budget of its recipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from builder.catalog.models import Catalog, Target
from builder.catalog.recipe import budget_of, build_variables
from builder.common import graph
from builder.lock.lockfile import Lock
from builder.plan.models import MADE, Plan, Step
from builder.registry.release_record import Record, ReleasedTarget

# Estimates in seconds on two cores, for targets without times in a release.
PER_RECIPE = 15.0  # of the lineage of a target: its pull and its part of the tests
PER_MEGABYTE = 0.25  # of compressed size: to fetch, install and compress it
OF_KIND = {"base": 10.0, "chart": 45.0, "release": 5.0}
UNKNOWN = 60_000_000
"""The estimated bytes that a recipe without a budget adds."""
_WORK = frozenset({"fetch", *MADE, "package", "release", "test"})


def seconds(plan: Plan, added: Mapping[str, int]) -> dict[str, float]:
    """Return the estimated seconds of each step by id; 0 if there is nothing to do.

    `added` has the compressed bytes by target, from the function `added`.
    """
    estimates = {}
    for step in plan.steps.values():
        if step.action not in _WORK:
            estimates[step.id] = 0.0
        elif step.action == "test":
            estimates[step.id] = PER_RECIPE * _depth(step.target, plan)
        elif step.kind == "build":
            released = plan.targets[step.target].before
            estimate = of_build(_depth(step.target, plan), added[step.target])
            estimates[step.id] = released.seconds if released and released.seconds else estimate
        else:
            estimates[step.id] = OF_KIND.get(step.kind, 0.0)
    return estimates


def of_build(recipes: int, added: int) -> float:
    """Return the estimated seconds to build a target of so many recipes, which adds these bytes."""
    return PER_RECIPE * recipes + PER_MEGABYTE * added / 1e6


def _depth(target: str, plan: Plan) -> int:
    """Return the number of recipes in the lineage of a target, as far as the plan has them."""
    depth = 0
    while target in plan.targets:
        depth, target = depth + 1, plan.targets[target].target.parent
    return depth


def added(
    catalog: Catalog, targets: Iterable[Target], lock: Lock, record: Record | None
) -> dict[str, int]:
    """Return the compressed bytes that each target adds: as released, else its budget."""
    known = known_bytes(catalog, targets, lock, record)
    return {key: size or UNKNOWN for key, size in known.items()}


def known_bytes(
    catalog: Catalog, targets: Iterable[Target], lock: Lock, record: Record | None
) -> dict[str, int]:
    """Return the same, and 0 for what no release has and has no budget."""
    sizes = {}
    for target in targets:
        before = released(target, record)
        lines = lock.lines_of(target.variant.values)
        variables = build_variables(target, catalog.matrix, lines.versions, lines.providers)
        budget = budget_of(catalog.recipes[target.recipe], variables)
        sizes[target.id] = (before.added if before else 0) or budget
    return sizes


def released(target: Target, record: Record | None) -> ReleasedTarget | None:
    """Return a target as a release has it, be it from before something was put on top of it."""
    for key in (target.id, target.made_id):
        found = record.targets.get(key) if record else None
        if found and (not found.shares or found.shares[-1].recipe == target.recipe):
            return found
    return None


def remaining(steps: Mapping[str, Step], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds from the start of each step to the end of all that need it."""
    needs = {step.id: step.needs for step in steps.values()}
    followers = graph.reverse(needs)
    paths: dict[str, float] = {}
    for step in reversed(graph.order(needs)):
        longest = max(
            (paths[follower] for follower in followers[step] if follower in paths), default=0.0
        )
        paths[step] = seconds.get(step, 0.0) + longest
    return paths
