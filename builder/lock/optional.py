"""Optional inputs: as long as the lock lacks one, an image is built without it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from builder.catalog.expansion import Expansion, without
from builder.catalog.models import Catalog
from builder.common import graph
from builder.lock.fit import misfits
from builder.lock.lockfile import Lock
from builder.lock.problems import Problem
from builder.lock.requests import unlocked_line


def without_unlocked(catalog: Catalog, expansion: Expansion, lock: Lock | None) -> Expansion:
    """Return the expansion without the optional inputs that cannot be built with this lock.

    Without a lock there are none.
    """
    lock = lock or Lock(bases={}, release_lines={})
    wanted = {
        item
        for target in expansion.targets.values()
        for image, item in target.inputs
        if image in target.optional
    }
    missing = {
        item: why for item in sorted(wanted) if (why := _why(item, catalog, expansion, lock))
    }
    if not missing:
        return expansion
    targets = {key: without(target, missing) for key, target in expansion.targets.items()}
    return replace(expansion, targets=targets)


def _why(item: str, catalog: Catalog, expansion: Expansion, lock: Lock) -> str:
    """Return why a target or what it is built from is not locked, or ""."""
    unfit = misfits(catalog, expansion, lock, [item])
    if item in unfit and not unfit[item].is_edited:
        return f"its packages are not locked for {item}"
    target = expansion.targets[item]
    if target.is_root and target.parent not in lock.bases:
        return f"base {target.parent} is not locked"
    if line := unlocked_line(target.variant.values, catalog.matrix, lock):
        return f"{line} is not locked"
    below = (key for key in expansion.required[item] if key in expansion.targets)
    return next((why for key in below if (why := _why(key, catalog, expansion, lock))), "")


def done_without(expansion: Expansion, selected: Collection[str]) -> frozenset[str]:
    """Return the selected targets that others can be built without, if they cannot be built.

    They are optional inputs of selected targets, or only such inputs need them.
    """
    optional = {
        item
        for key in selected
        for image, item in expansion.targets[key].inputs
        if image in expansion.targets[key].optional
    }
    needed = graph.reach((key for key in selected if key not in optional), expansion.required)
    return frozenset(selected) - needed


def forgiven(
    problems: Iterable[Problem], expansion: Expansion, selected: Collection[str]
) -> tuple[Problem, ...]:
    """Return problems, of which those do not count that only optional inputs have.

    Nobody answered there, and the selected targets are built without these inputs.
    """
    spared = done_without(expansion, selected)
    return tuple(
        replace(problem, counts=False)
        if problem.is_unreachable and _users(problem.subject, expansion, selected) <= spared
        else problem
        for problem in problems
    )


def _users(subject: str, expansion: Expansion, selected: Collection[str]) -> set[str]:
    """Return the selected targets that have a base, a release line or themselves as `subject`."""
    return {
        key
        for key in selected
        for target in (expansion.targets[key],)
        if subject in {key, target.parent, *target.variant.value_ids}
    }
