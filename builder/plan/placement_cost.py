"""Compares the two places for a change of many images: on top of them, or in a recipe below. Pure.

On top it is one small target more for each image that is offered. In a recipe it is built into all
that stands on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog, Target
from builder.common import graph
from builder.common.text import count, listed
from builder.lock.lockfile import Lock
from builder.plan import time_estimate
from builder.registry.release_record import Record


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a placement costs: targets to build, compressed bytes to push, and minutes.

    `unknown` are the targets whose bytes nobody knows: no release has them, nor have they a budget.
    """

    place: str
    targets: int
    size: int
    unknown: int
    minutes: float


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A change of many images: what it costs where it is, and in the other place."""

    change: str
    here: Cost
    there: Cost


def placements(
    catalog: Catalog, expansion: Expansion, lock: Lock, record: Record | None
) -> tuple[Placement, ...]:
    """Return the costs of each top recipe, in the order in which images name them."""
    comparison = _Comparison(catalog, expansion, lock, record)
    tops = dict.fromkeys(top for image in catalog.matrix.images.values() for top in image.top)
    return tuple(comparison.of_top(top) for top in tops)


class _Comparison:
    def __init__(
        self, catalog: Catalog, expansion: Expansion, lock: Lock, record: Record | None
    ) -> None:
        self._catalog = catalog
        self._expansion = expansion
        self._lock = lock
        self._record = record
        self._followers = graph.reverse(expansion.needs)

    def of_top(self, top: str) -> Placement:
        """Return what a top recipe costs, and what its recipe below would."""
        images = [name for name, image in self._catalog.matrix.images.items() if top in image.top]
        own = [it for it in self._targets if it.is_top and it.recipe == top]
        recipes = self._recipes_below(top, images)
        changed = {it.id for it in self._targets if it.recipe in recipes and not it.is_top}
        built = graph.reach(changed, self._followers) - {it.id for it in own}
        return Placement(
            change=f"top {top}",
            here=self._cost(f"on top of {count(len(images), 'image')}", own),
            there=self._cost(f"in {listed(recipes)}", self._among(built)),
        )

    @property
    def _targets(self) -> Iterable[Target]:
        return self._expansion.targets.values()

    def _among(self, ids: Collection[str]) -> list[Target]:
        return [target for target in self._targets if target.id in ids]

    def _recipes_below(self, top: str, images: Collection[str]) -> tuple[str, ...]:
        """Return the recipes of the first images, from below, that have all that images share."""
        matrix, variants = self._catalog.matrix, self._expansion.variants
        axes = {name: set(items[0].values) for name, items in variants.items() if items}
        wanted = set.intersection(*(axes[name] for name in images if name in axes))
        wanted |= set(self._catalog.recipes[top].needs)
        found: dict[str, None] = {}
        for name in images:
            lowest = name
            while (parent := matrix.images[lowest].parent) in axes and wanted <= axes[parent]:
                lowest = parent
            found[matrix.images[lowest].recipe] = None
        return tuple(found)

    def _cost(self, place: str, targets: Collection[Target]) -> Cost:
        sizes = time_estimate.known_bytes(self._catalog, targets, self._lock, self._record)
        seconds = sum(self._seconds(target, sizes[target.id]) for target in targets)
        return Cost(
            place=place,
            targets=len(targets),
            size=sum(sizes.values()),
            unknown=sum(not size for size in sizes.values()),
            minutes=round(seconds / 60, 1),
        )

    def _seconds(self, target: Target, added: int) -> float:
        released = time_estimate.released(target, self._record)
        if released and released.seconds:
            return released.seconds
        depth = len(self._expansion.lineage(target))
        return time_estimate.of_build(depth, added or time_estimate.UNKNOWN)
