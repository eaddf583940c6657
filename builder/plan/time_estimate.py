"""In which order steps are best carried out, and how near a run came to the best there is.

What comes first is the step with the longest path of work behind it. How long each takes is what
the current release says of its target, else an estimate from the budgets of its recipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from builder.catalog.models import Catalog, Target
from builder.catalog.recipe import budget_of, build_variables
from builder.common import graph
from builder.lock.lockfile import Lock
from builder.plan.models import Plan, Step
from builder.registry.release_record import Record

# Estimates, in seconds on two cores; what a release records of a target takes their place.
PER_RECIPE = 15.0  # that a target stands on, its own included: a pull, its part of the tests
PER_MEGABYTE = 0.25  # compressed: fetched, installed, compressed again
OF_KIND = {"base": 10.0, "chart": 45.0, "release": 5.0}
UNKNOWN = 60_000_000
"""The bytes that a recipe without a budget is thought to add."""
_WORK = frozenset({"build", "fetch", "package", "release", "test"})


def seconds(plan: Plan, added: Mapping[str, int]) -> dict[str, float]:
    """How long each step may take, by its id; 0 where there is nothing to do.

    `added` is by target, as the function of that name gives it.
    """
    found = {}
    for step in plan.steps.values():
        if step.action not in _WORK:
            found[step.id] = 0.0
        elif step.action == "test":
            found[step.id] = PER_RECIPE * _depth(step.target, plan)
        elif step.kind == "build":
            before = plan.targets[step.target].before
            guess = PER_RECIPE * _depth(step.target, plan)
            guess += PER_MEGABYTE * added[step.target] / 1e6
            found[step.id] = before.seconds if before and before.seconds else guess
        else:
            found[step.id] = OF_KIND.get(step.kind, 0.0)
    return found


def _depth(target: str, plan: Plan) -> int:
    """Of how many recipes of the plan a target is made, the lower ones included."""
    found = 0
    while target in plan.targets:
        found, target = found + 1, plan.targets[target].target.parent
    return found


def added(
    catalog: Catalog, targets: Iterable[Target], lock: Lock, record: Record | None
) -> dict[str, int]:
    """The compressed bytes that each target adds to its parent: as released, else its budget."""
    found = {}
    for target in targets:
        old = record.targets.get(target.id) if record else None
        budget = budget_of(
            catalog.recipes[target.recipe], build_variables(target, catalog.matrix, lock.versions)
        )
        found[target.id] = (old.added if old else 0) or budget or UNKNOWN
    return found


def remaining(steps: Mapping[str, Step], seconds: Mapping[str, float]) -> dict[str, float]:
    """The seconds from the start of each step to the end of all that waits for it."""
    needs = {step.id: step.needs for step in steps.values()}
    needed = graph.reverse(needs)
    found: dict[str, float] = {}
    for step in reversed(graph.order(needs)):
        behind = max((found[item] for item in needed[step] if item in found), default=0.0)
        found[step] = seconds.get(step, 0.0) + behind
    return found
