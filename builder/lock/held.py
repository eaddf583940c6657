"""Which entries of a lock are those of the catalogs below: what a catalog does not change. Pure.

They are not in the lock of that catalog, and only its upstream moves them. So an image that stands
on them alone is the upstream's to the byte, and can be adopted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder.catalog.expansion import Expansion
from builder.catalog.ids import BaseId, ValueId
from builder.catalog.models import Catalog, Target
from builder.common.mappings import mapping
from builder.lock.inherited import laid_over
from builder.lock.lockfile import Lock
from builder.lock.requests import PackageRequests

_OF_VALUES = frozenset({"sources", "provider", "providers", "line", "requires", "platforms"})
"""The keys of an axis value on which its entry in the lock depends."""


@dataclass(frozen=True, kw_only=True)
class Touched:
    """What matrix.yaml of a catalog says of axis values and of charts of upstreams itself.

    `values` are `axis=value`, where a key is said on which the lock depends.
    """

    values: frozenset[str] = frozenset()
    charts: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Held:
    """The ids of the entries that are those of the catalogs below.

    `package_sets` are ids of targets, `bases` of bases, `release_lines` `axis=value`, and `charts`
    names. `targets` are also those that add no packages.
    """

    targets: frozenset[str] = frozenset()
    package_sets: frozenset[str] = frozenset()
    bases: frozenset[str] = frozenset()
    release_lines: frozenset[str] = frozenset()
    charts: frozenset[str] = frozenset()

    @property
    def values(self) -> frozenset[str]:
        """The release lines and the values of bases that stay as they are."""
        return self.release_lines | {BaseId(key).value for key in self.bases}

    def among(self, lock: Lock) -> tuple[str, ...]:
        """Return the entries of a lock that are in its place for nothing."""
        return (
            *sorted(self.bases & lock.bases.keys()),
            *sorted(self.release_lines & lock.release_lines.keys()),
            *sorted(self.package_sets & lock.package_sets.keys()),
            *sorted(self.charts & lock.charts.keys()),
        )


NOTHING_HELD = Held()


def touched_by(matrix: Mapping[str, Any]) -> Touched:
    """Return what the data of a catalog's own matrix.yaml touches."""
    values = {
        ValueId.of(axis, name)
        for axis, named in mapping(matrix, "axes").items()
        for name, value in (named.items() if isinstance(named, Mapping) else ())
        if isinstance(value, Mapping) and {str(key).strip("+-") for key in value} & _OF_VALUES
    }
    charts = {
        name
        for name, chart in mapping(matrix, "charts").items()
        if isinstance(chart, Mapping) and "upstream" in chart
    }
    return Touched(values=frozenset(values), charts=frozenset(charts))


def held(
    catalog: Catalog, expansion: Expansion, *, below: Lock, own: Lock, touched: Touched
) -> Held:
    """Return what a catalog inherits of the lock `below`, whatever its own file has."""
    if catalog.matrix.lock.origin == "own":
        return NOTHING_HELD
    bases = {key for key in below.bases if BaseId(key).value not in touched.values}
    lines = {
        key
        for key, line in below.release_lines.items()
        if key not in touched.values and not _adds(own, below, key)
    }
    both = laid_over([below, own])
    in_force = replace(
        both,
        bases={**both.bases, **{key: below.bases[key] for key in bases}},
        release_lines={**both.release_lines, **{key: below.release_lines[key] for key in lines}},
    )
    requests = PackageRequests(catalog=catalog, expansion=expansion, lock=in_force)
    targets = _inherited(catalog, expansion, requests, below, bases)
    return Held(
        targets=targets,
        package_sets=targets & below.package_sets.keys(),
        bases=frozenset(bases),
        release_lines=frozenset(lines),
        charts=frozenset(below.charts.keys() - touched.charts),
    )


def _adds(own: Lock, below: Lock, key: str) -> bool:
    """Whether the own entry of a release line is for a base that the one below is not for."""
    ours, theirs = own.release_lines.get(key), below.release_lines[key]
    return ours is not None and not (
        ours.files.keys() <= theirs.files.keys() and ours.served.keys() <= theirs.served.keys()
    )


def _inherited(
    catalog: Catalog,
    expansion: Expansion,
    requests: PackageRequests,
    below: Lock,
    bases: set[str],
) -> frozenset[str]:
    """Return the targets whose packages, and those of all they stand on, are those below."""
    inherited: dict[str, bool] = {}

    def asks_the_same(target: Target) -> bool:
        package_set = below.package_sets.get(target.made_id)
        if not requests.can_lock(target):
            return False
        if package_set is None:
            return not requests.names(target)
        return requests.request_key(target, below.package_sets).is_same(package_set.request)

    for target in expansion.targets.values():  # parents come first
        is_own = catalog.matrix.images[target.variant.image].lock == "own"
        on_theirs = (
            expansion.base_of(target).id in bases if target.is_root else inherited[target.parent]
        )
        inherited[target.id] = not is_own and on_theirs and asks_the_same(target)
    return frozenset(expansion.targets[key].made_id for key, is_it in inherited.items() if is_it)


def locked_here(catalog: Catalog, expansion: Expansion) -> frozenset[str]:
    """Return the targets whose entries are the own ones, as `lock: own` of an image says."""
    images = catalog.matrix.images
    return frozenset(
        target.made_id
        for target in expansion.targets.values()
        if any(images[it.variant.image].lock == "own" for it in expansion.lineage(target))
    )


def in_force(below: Lock, own: Lock, held: Held) -> Lock:
    """Return the lock that counts: what is held is that of the catalogs below."""
    lock = laid_over([below, own])
    return replace(
        lock,
        bases={**lock.bases, **{key: below.bases[key] for key in held.bases}},
        release_lines={
            **lock.release_lines,
            **{key: below.release_lines[key] for key in held.release_lines},
        },
        package_sets={
            **lock.package_sets,
            **{key: below.package_sets[key] for key in held.package_sets},
        },
        charts={**lock.charts, **{key: below.charts[key] for key in held.charts}},
    )
