"""Shows what changes of many images cost on top of them, and in a recipe below."""

from __future__ import annotations

from collections.abc import Sequence

from builder.common.text import count
from builder.plan.placement_cost import Cost, Placement
from builder.report.plan import columns

_HEAD = ("CHANGE", "WHERE", "TARGETS", "MB", "MINUTES")


def cost_lines(placements: Sequence[Placement]) -> tuple[str, ...]:
    """Return a table with two rows for each change: where it is, and the other place."""
    if not placements:
        return ("no image has a top recipe, and no patch adds packages: nothing to compare",)
    rows = [_HEAD]
    for item in placements:
        rows += [(item.change, *_cells(item.here)), ("  or", *_cells(item.there))]
    return tuple(columns(rows))


def _cells(cost: Cost) -> tuple[str, str, str, str]:
    unknown = f" and {count(cost.unknown, 'target')} of unknown size" if cost.unknown else ""
    size = f"{cost.size / 1e6:.0f}{unknown}"
    return cost.place, str(cost.targets), size, f"{cost.minutes:.0f}"
