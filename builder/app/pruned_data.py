"""Takes out of a matrix.yaml what of catalogs below is left out here, so that it stands alone."""

from __future__ import annotations

import copy
from typing import Any

from builder.catalog.models import Path
from builder.catalog.narrowing import Pruned


def without(data: dict[str, Any], pruned: Pruned) -> dict[str, Any]:
    """Return a matrix as data, without names, images and charts that are left out."""
    data = copy.deepcopy(data)
    for path in sorted(pruned.entries, key=_last_first):
        _take_out(data, path)
    for section, names in (("images", pruned.images), ("charts", pruned.charts)):
        for name in names:
            data.get(section, {}).pop(name, None)
    for image in data.get("images", {}).values():
        if inputs := image.get("inputs"):
            image["inputs"] = [item for item in inputs if _input(item) not in pruned.images]
    for variant in pruned.variants:
        image = data["images"][variant.image]
        image["exclude"] = [*image.get("exclude", ()), dict(variant.values)]
    return data


def _last_first(path: Path) -> tuple[int, int]:
    """Return what sorts paths so that none is taken out before one that is in or behind it."""
    return -len(path), -path[-1] if isinstance(path[-1], int) else 0


def _take_out(data: Any, path: Path) -> None:
    """Take an item out of a list; a single value that stands for a list is the whole of it."""
    *above, last = path
    around: Any = None
    for part in above:
        around, data = data, data[part]
    if isinstance(data, list):
        del data[int(last)]
    else:
        around[above[-1]] = []


def _input(item: Any) -> str:
    return str(item.get("image")) if isinstance(item, dict) else str(item)
