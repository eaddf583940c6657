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
    catalog: Catalog, expansion: Expansion, lock: Lock, record: Record | None = None
) -> tuple[Placement, ...]:
    """Return the costs of each top recipe, and of each patch that gives recipes packages.

    Without a record of a release they are estimates from budgets.
    """
    comparison, matrix = _Comparison(catalog, expansion, lock, record), catalog.matrix
    tops = dict.fromkeys(top for image in matrix.images.values() for top in image.top)
    patches = [patch for patch in matrix.patches.values() if patch.adds_packages]
    return (
        *(comparison.of_top(top) for top in tops),
        *(comparison.of_patch(patch.name) for patch in patches),
    )


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
        others = [it for it in self._standing_on(recipes) if it not in own]
        return Placement(
            change=f"top {top}",
            here=self._cost(_on_top(images), own),
            there=self._cost(f"in {listed(recipes)}", others),
        )

    def of_patch(self, name: str) -> Placement:
        """Return what a patch of recipes costs, and what it would on top of what is offered."""
        recipes = self._catalog.matrix.matched.get(name, ())
        built = self._standing_on(recipes)
        offered = [target for target in built if target.publish]
        images = list(dict.fromkeys(target.variant.image for target in offered))
        seconds = sum(self._seconds_of_small(target) for target in offered)
        return Placement(
            change=f"patch {name}",
            here=self._cost(f"in {listed(recipes)}", built),
            there=Cost(
                place=_on_top(images),
                targets=len(offered),
                size=0,
                unknown=len(offered),
                minutes=round(seconds / 60, 1),
            ),
        )

    @property
    def _targets(self) -> Iterable[Target]:
        return self._expansion.targets.values()

    def _standing_on(self, recipes: Collection[str]) -> list[Target]:
        """Return the targets with one of these recipes, and all that is built with them."""
        changed = {it.id for it in self._targets if it.recipe in recipes}
        built = graph.reach(changed, self._followers)
        return [target for target in self._targets if target.id in built]

    def _recipes_below(self, top: str, images: Collection[str]) -> tuple[str, ...]:
        """Return the recipes of the first images, from below, that have all that images share."""
        matrix, variants = self._catalog.matrix, self._expansion.variants
        axes = {name: set(items[0].values) for name, items in variants.items() if items}
        shared = [axes[name] for name in images if name in axes]
        wanted = set[str]().union(self._catalog.recipes[top].needs)
        wanted |= set.intersection(*shared) if shared else set()
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

    def _seconds_of_small(self, target: Target) -> float:
        """Return the seconds to build something small on a target."""
        return time_estimate.of_build(len(self._expansion.lineage(target)) + 1, 0)

    def _seconds(self, target: Target, added: int) -> float:
        released = time_estimate.released(target, self._record)
        if released and released.seconds:
            return released.seconds
        depth = len(self._expansion.lineage(target))
        return time_estimate.of_build(depth, added or time_estimate.UNKNOWN)


def _on_top(images: Collection[str]) -> str:
    return f"on top of {count(len(images), 'image')}"
