"""Find which targets would change if they were locked again. Only indexes are read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from builder.catalog.expansion import Expansion
from builder.catalog.models import Base, Source, Target
from builder.common.errors import GoneError, UnreachableError
from builder.diff.compare import Difference, compare, lock_side
from builder.lock.line_locker import Available
from builder.lock.lockfile import BaseLock, Lock
from builder.plan.fingerprint import Fingerprint

_SECURITY = "-security"


@dataclass(frozen=True, kw_only=True)
class Outdated:
    """What a new lock would change.

    `targets` maps the ids of targets that would be rebuilt to why; `bases` the ids of base images
    to their newer packages, `name old → new`; `moved_on` the ids of base images that cannot be
    downloaded any more as they are locked to the command that locks their current content; `ended`
    target ids to their last day; `available` says which providers have a release line that another
    serves, and how it moves. `upstream` maps the ids of targets that a catalog below has locked to
    why they would be rebuilt, had it locked again: they are not in `targets`.
    """

    difference: Difference
    targets: Mapping[str, str]
    security: tuple[str, ...]  # packages that would come from a security suite
    bases: Mapping[str, tuple[str, ...]]
    ended: Mapping[str, str]
    moved_on: Mapping[str, str] = field(default_factory=dict)
    available: tuple[str, ...] = ()
    upstream: Mapping[str, str] = field(default_factory=dict)


class LockedBases:
    """A provider of base images that returns what is locked, and looks for nothing newer.

    `refresh` fetches the indexes of a base image. `moved_on` has the base images whose content is
    gone, with a hint; targets on them are not compared.
    """

    def __init__(self, refresh: Callable[[Base, BaseLock], object]) -> None:
        self._refresh = refresh
        self.moved_on: dict[str, str] = {}

    def lock(
        self, base: Base, sources: Sequence[Source], previous: BaseLock | None, today: str
    ) -> BaseLock:
        """Return what is locked. Raises UnreachableError if nothing is."""
        if previous is None:
            raise UnreachableError(f"base {base.id} is not locked", hint="run `builder lock`")
        try:
            self._refresh(base, previous)
        except GoneError as error:
            self.moved_on[base.id] = error.hint
            raise
        return previous


def outdated(
    *,
    expansion: Expansion,
    selected: Sequence[str],
    locked: Lock,
    newest: Lock,
    fingerprints: Callable[[Lock], Mapping[str, Fingerprint]],
    newer: Callable[[Base, BaseLock], tuple[str, ...]],
    moved_on: Mapping[str, str],
    available: Sequence[Available],
    today: str,
    held: Collection[str] = (),
) -> Outdated:
    """Compare the lock `locked` with `newest`, which was locked again on the same base images.

    `newer` returns the packages of which an index has newer versions than a base image; `moved_on`
    are base images whose content is gone. `held` are the targets that a catalog below has locked.
    """
    base_of = {key: expansion.base_of(expansion.targets[key]) for key in selected}
    bases = _newer_packages(base_of.values(), locked, newer, moved_on)
    ended = _ended(expansion, selected, today)
    before, targets = fingerprints(locked), dict[str, str]()
    after = before if newest == locked else fingerprints(newest)
    for key in (key for key in selected if key not in ended):
        base = base_of[key].id
        if base in bases or base in moved_on:
            what = "newer packages" if base in bases else "moved on"
            targets[key] = f"base {base} has {what}"
        elif before[key].digest != after[key].digest:
            targets[key] = _change(expansion.targets[key], locked, newest)
    return Outdated(
        difference=compare(lock_side("matrix.lock", locked), lock_side("now", newest)),
        targets={key: why for key, why in targets.items() if key not in held},
        upstream={key: why for key, why in targets.items() if key in held},
        security=_security(locked, newest),
        bases=bases,
        ended=ended,
        moved_on={base.id: moved_on[base.id] for base in base_of.values() if base.id in moved_on},
        available=tuple(map(str, available)),
    )


def _ended(expansion: Expansion, selected: Sequence[str], today: str) -> dict[str, str]:
    """Return the targets that are built no more, with their last day."""
    targets = (expansion.targets[key] for key in selected)
    return {it.id: it.last_day or "" for it in targets if it.has_ended(today)}


def _newer_packages(
    bases: Collection[Base],
    locked: Lock,
    newer: Callable[[Base, BaseLock], tuple[str, ...]],
    moved_on: Collection[str],
) -> dict[str, tuple[str, ...]]:
    """Return the newer packages of each locked base image that has any, by its id."""
    present = {
        base.id: base for base in bases if base.id in locked.bases and base.id not in moved_on
    }
    updates = {key: newer(base, locked.bases[key]) for key, base in present.items()}
    return {key: packages for key, packages in updates.items() if packages}


def _change(target: Target, locked: Lock, newest: Lock) -> str:
    """Return why a target whose base image is the same would be rebuilt."""
    is_own = locked.package_sets.get(target.made_id) != newest.package_sets.get(target.made_id)
    return "its own packages" if is_own else f"its parent {target.parent} or an input"


def _security(locked: Lock, newest: Lock) -> tuple[str, ...]:
    names = set()
    for key, package_set in newest.package_sets.items():
        before = locked.package_sets[key].packages if key in locked.package_sets else {}
        for ecosystem, packages in package_set.packages.items():
            old = before.get(ecosystem, {})
            for name, package in packages.items():
                is_new = name not in old or old[name].version != package.version
                if is_new and package.source.endswith(_SECURITY):
                    names.add(name)
    return tuple(sorted(names))
