"""Locks of catalogs that stand on one another: what one inherits, and what it has itself. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from builder.catalog.ids import TargetId
from builder.lock.lockfile import Lock

_Entry = TypeVar("_Entry")


def laid_over(locks: Iterable[Lock]) -> Lock:
    """Return locks as one, that of the lowest catalog first: the entries of the upper one count.

    Which images the jobs of a CI system run in, each catalog says for itself; so it does of what it
    stands on, and of what was accepted of that.
    """
    whole = Lock()
    for lock in locks:
        whole = replace(
            lock,
            bases={**whole.bases, **lock.bases},
            release_lines={**whole.release_lines, **lock.release_lines},
            package_sets={**whole.package_sets, **lock.package_sets},
            charts={**whole.charts, **lock.charts},
        )
    return whole


def called_otherwise(lock: Lock, images: Mapping[str, str], charts: Mapping[str, str]) -> Lock:
    """Return a lock whose images and charts have other names: new ones by old."""

    def name_of(key: str) -> str:
        image = TargetId(key).image
        return TargetId(key).of_image(images.get(image, image))

    return replace(
        lock,
        package_sets={name_of(key): entry for key, entry in lock.package_sets.items()},
        charts={charts.get(name, name): entry for name, entry in lock.charts.items()},
    )


def without_inherited(lock: Lock, inherited: Lock, keeps: Collection[str] = ()) -> Lock:
    """Return a lock without the entries that it has from the catalogs below.

    The package sets of the targets `keeps` stay: what is below does not count for them.
    """
    kept = {key: entry for key, entry in lock.package_sets.items() if key in keeps}
    return replace(
        lock,
        bases=_own(lock.bases, inherited.bases),
        release_lines=_own(lock.release_lines, inherited.release_lines),
        package_sets={**_own(lock.package_sets, inherited.package_sets), **kept},
        charts=_own(lock.charts, inherited.charts),
    )


def _own(entries: Mapping[str, _Entry], inherited: Mapping[str, _Entry]) -> dict[str, _Entry]:
    return {key: entry for key, entry in entries.items() if inherited.get(key) != entry}


def without_names(lock: Lock, left_out: Collection[tuple[str | int, ...]]) -> Lock:
    """Return a lock without the images and charts whose paths in matrix.yaml are left out."""
    if not left_out:
        return lock
    return replace(
        lock,
        package_sets={
            key: entry
            for key, entry in lock.package_sets.items()
            if ("images", TargetId(key).image) not in left_out
        },
        charts={key: it for key, it in lock.charts.items() if ("charts", key) not in left_out},
    )
