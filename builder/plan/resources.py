"""Says how much memory and disk the job of a step asks for. Pure.

It is what the last releases measured, and at least what the recipe of a target says; where neither
says anything, a default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog
from builder.plan.disk_estimate import BASE, UNPACKED
from builder.plan.step_id import StepId
from builder.registry.release_record import Record

RELEASES = 3
"""How many releases are looked at, the newest first."""
MEMORY = 2_000_000_000
"""The bytes of memory of a step that nobody measured, and whose recipe says nothing."""
SPARE = 1.25
"""What is asked for, per byte that was measured: no two builds need the same."""
LIMIT = 2.0
"""The limit of memory, per byte that is asked for. A step that needs more is ended."""
_MEBIBYTE = 2**20
_LEAST = 256 * _MEBIBYTE
_ROOM = 1_000_000_000  # for the checkout, downloads and logs


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a job asks for, and the limit of its memory, in MiB. More disk than `disk` ends it."""

    memory: int
    memory_limit: int
    disk: int


def of_steps(
    steps: Sequence[str],
    catalog: Catalog,
    expansion: Expansion,
    added: Mapping[str, int],
    records: Sequence[Record] = (),
) -> dict[str, Resources]:
    """Return the resources of each step, by id.

    `added` has the compressed bytes by target; `records` are those of the last releases.
    """
    found = {}
    for step in map(StepId, steps):
        memory, disk = (_measured(step, key, records) for key in ("memory", "disk"))
        said = _said(step, catalog, expansion)
        found[str(step)] = _rounded(
            max(memory, said) or MEMORY, disk or _disk(step, expansion, added)
        )
    return found


def _measured(step: StepId, key: str, records: Sequence[Record]) -> float:
    """Return what a target needed most in these releases, with room to spare; 0 if unknown."""
    if step.kind != "build":
        return 0
    targets = (record.targets.get(step.target) for record in records)
    return SPARE * max(((target and getattr(target, key)) or 0 for target in targets), default=0)


def _said(step: StepId, catalog: Catalog, expansion: Expansion) -> int:
    """Return the memory that a recipe says: a person says it where what was measured is too low."""
    target = expansion.targets.get(step.target) if step.kind == "build" else None
    return catalog.recipes[target.recipe].memory if target else 0


def _disk(step: StepId, expansion: Expansion, added: Mapping[str, int]) -> float:
    """Return the disk of a machine that has nothing yet: each image of a lineage, unpacked."""
    if step.kind != "build" or step.target not in expansion.targets:
        return _ROOM + UNPACKED * BASE
    target = expansion.targets[step.target]
    names = {it.id for it in expansion.lineage(target)}
    for _, name in target.inputs:
        names |= {it.id for it in expansion.lineage(expansion.targets[name])}
    whole = BASE + sum(added[name] for name in names)
    return _ROOM + (UNPACKED + 1) * whole


def _rounded(memory: float, disk: float) -> Resources:
    asked = max(_mebibytes(memory), _LEAST // _MEBIBYTE)
    return Resources(memory=asked, memory_limit=math.ceil(asked * LIMIT), disk=_mebibytes(disk))


def _mebibytes(number: float) -> int:
    return math.ceil(number / _MEBIBYTE)
