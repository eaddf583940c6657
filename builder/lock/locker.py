"""The work of `builder lock`: resolves base images, release lines and packages for this week."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from builder.catalog.expansion import Expansion
from builder.catalog.ids import BaseId, TargetId, ValueId
from builder.catalog.models import Base, Catalog, Matrix, Target
from builder.common.errors import BuilderError, NoPackageError
from builder.common.parallel import in_parallel
from builder.common.text import count
from builder.lock.cooldown import not_after
from builder.lock.interfaces import BaseLocker, PackageResolver, Provider
from builder.lock.line_locker import (
    Available,
    LineLocker,
    is_locked_for,
    wanted_release_lines,
    with_other_bases,
)
from builder.lock.lockfile import BaseLock, Lock, PackageSet, VersionLock, is_of_line
from builder.lock.package_locker import (
    ALL,
    Locate,
    Note,
    PackageLocker,
    Upgrade,
    alive_targets,
    with_dependencies,
)
from builder.lock.problems import Problem
from builder.lock.requests import MOVED, PackageRequests

Explain = Callable[[Lock], Mapping[str, Sequence[BuilderError]]]
"""Returns more precise errors for targets whose packages could not be locked, by target id."""
_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True)
class LockResult:
    """A new lock, with the problems of what could not be resolved.

    `available` are the providers that have a release line again which another serves.
    """

    lock: Lock
    problems: tuple[Problem, ...] = ()
    available: tuple[Available, ...] = ()


def lock_catalog(
    *,
    catalog: Catalog,
    expansion: Expansion,
    previous: Lock | None,
    bases: BaseLocker,
    providers: Mapping[str, Provider],
    today: str,
    note: Note,
    locate: Locate,
    targets: Collection[str] | None = None,
    upgrade: Upgrade = ALL,
    resolvers: Mapping[str, PackageResolver] = MappingProxyType({}),
    explain: Explain | None = None,
) -> LockResult:
    """Lock what `targets` (ids; None: all) need, and keep the other entries of `previous`.

    An entry that still fits stays, unless `upgrade` lets it move. One that fails keeps its previous
    content or is left out, and the plan blocks the targets that need it. `resolvers` are in the
    order of installation. `explain` may return better reasons for failures, given the base images
    and release lines. Raises ConfigError if the catalog contradicts itself.
    """
    alive = alive_targets(expansion, today)
    chosen = with_dependencies(alive if targets is None else targets, alive, expansion)
    previous = previous or Lock()
    base_locks = _lock_bases_and_release_lines(
        catalog=catalog, expansion=expansion, alive=alive.values(), chosen=chosen, bases=bases,
        providers=providers, upgrade=upgrade, today=today, note=note, previous=previous,
    )  # fmt: skip
    requests = PackageRequests(catalog=catalog, expansion=expansion, lock=base_locks.lock)
    locker = PackageLocker(
        package_requests=requests, resolvers=resolvers, upgrade=upgrade, today=today, note=note,
        locate=locate, not_after=not_after(today, catalog.matrix.lock.cooldown),
    )  # fmt: skip
    note(f"packages of {count(len(chosen), 'target')}: looking")
    locked, failed = locker.lock(chosen, previous)
    sets = _marked(requests, alive.values(), chosen, {**previous.package_sets, **locked}, previous)
    sets = _in_use(sets, _of_any_platform(expansion, sets))
    problems = (*base_locks.problems, *_explained(failed, explain, base_locks.lock))
    return replace(base_locks, lock=replace(base_locks.lock, package_sets=sets), problems=problems)


def _lock_bases_and_release_lines(
    *,
    catalog: Catalog,
    expansion: Expansion,
    alive: Collection[Target],
    chosen: Sequence[Target],
    previous: Lock,
    bases: BaseLocker,
    providers: Mapping[str, Provider],
    upgrade: Upgrade,
    today: str,
    note: Note,
) -> LockResult:
    """Lock base images and release lines; the lock that is returned has no package sets."""
    unchanged = _unchanged(previous, catalog.matrix, expansion, upgrade)
    wanted = wanted_release_lines(
        catalog, expansion, chosen, providers, previous, upgrade.requested
    )
    roots = [target for target in chosen if target.is_root and target.parent not in unchanged.bases]
    moved, failed_bases = _lock_bases(catalog, expansion, roots, previous, bases, today, note)
    base_locks = {**previous.bases, **moved}
    missing = [
        item for item in wanted if item.base.id in base_locks and not is_locked_for(unchanged, item)
    ]
    lines = LineLocker(
        catalog=catalog, providers=providers, bases=base_locks, previous=previous, note=note,
        not_after=not_after(today, catalog.matrix.lock.cooldown),
    ).lock(missing)  # fmt: skip
    lock = _merged(expansion, catalog.matrix, alive, previous, base_locks, lines.release_lines)
    return LockResult(
        lock=lock, problems=(*failed_bases, *lines.problems), available=lines.available
    )


def _explained(
    problems: Sequence[Problem], explain: Explain | None, lock: Lock
) -> Iterator[Problem]:
    """Yield the problems of targets, with the errors of `explain` where it has better ones."""

    def is_clear(problem: Problem) -> bool:
        # Another base may have the package, and only `explain` knows all bases.
        is_missing = isinstance(problem.error, NoPackageError)
        return problem.is_unreachable or bool(problem.error.location and not is_missing)

    explanations = {} if explain is None or all(map(is_clear, problems)) else explain(lock)
    for problem in problems:
        errors = () if is_clear(problem) else explanations.get(problem.subject, ())
        for error in errors or (problem.error,):
            yield replace(problem, error=error)


def _marked(
    package_requests: PackageRequests,
    alive: Collection[Target],
    chosen: Collection[Target],
    package_sets: Mapping[str, PackageSet],
    previous: Lock,
) -> dict[str, PackageSet]:
    """Return package sets; marked are those not locked now whose ancestors have other packages."""
    marked = dict(package_sets)
    for target in (target for target in alive if target not in chosen):
        package_set = package_sets.get(target.made_id)
        if (
            package_set is None
            or package_set.request.endswith(MOVED)
            or not package_requests.can_lock(target)
        ):
            continue
        if package_requests.moved(target, package_sets, previous) & package_set.packages.keys():
            marked[target.made_id] = replace(package_set, request=package_set.request + MOVED)
    return marked


def _merged(
    expansion: Expansion,
    matrix: Matrix,
    alive: Collection[Target],
    previous: Lock,
    bases: Mapping[str, BaseLock],
    release_lines: Mapping[str, VersionLock],
) -> Lock:
    """Return the new entries and the previous ones, without those that no live target needs."""
    roots = {BaseId(target.parent).value for target in alive if target.is_root}
    found_lines = {
        name: with_other_bases(
            matrix.value(ValueId(name).axis, ValueId(name).value), version_lock, previous, expansion
        )
        for name, version_lock in release_lines.items()
    }
    return Lock(
        # Bases of platforms that this run does not build stay.
        bases=_in_use(bases, {key for key in bases if BaseId(key).value in roots}),
        release_lines=_in_use({**previous.release_lines, **found_lines}, _release_lines_of(alive)),
    )


def _unchanged(previous: Lock, matrix: Matrix, expansion: Expansion, upgrade: Upgrade) -> Lock:
    """Return the entries that stay as they are: in the matrix still, and not to be upgraded."""
    bases = {}
    for key, base in expansion.bases.items():
        sources = matrix.value(base.axis, base.value).sources
        is_fixed = not upgrade.release_line(base.value_id)
        locked = previous.bases.get(key)
        if locked and is_fixed and locked.source in sources and _is_of(base, locked):
            bases[key] = locked
    release_locks = {
        key: locked
        for key, locked in previous.release_lines.items()
        if not upgrade.release_line(key)
    }
    return Lock(bases=bases, release_lines=release_locks)


def _is_of(base: Base, locked: BaseLock) -> bool:
    """Whether the image of a base, if it is mirrored, is of its release line still."""
    return not locked.version or is_of_line(locked.version, base.line)


def _of_any_platform(expansion: Expansion, target_ids: Iterable[str]) -> set[str]:
    """Return those of the ids of a lock whose target exists, on any platform."""
    there = {variant.id for variants in expansion.variants.values() for variant in variants}
    there |= {
        TargetId(target.made_id).on_any_platform
        for target in expansion.targets.values()
        if target.is_top
    }
    return {key for key in target_ids if TargetId(key).on_any_platform in there}


def _release_lines_of(targets: Iterable[Target]) -> set[str]:
    return {value_id for target in targets for value_id in target.variant.value_ids}


def _in_use(items: Mapping[str, _Item], names: Collection[str]) -> dict[str, _Item]:
    return {name: item for name, item in items.items() if name in names}


def _lock_bases(
    catalog: Catalog,
    expansion: Expansion,
    chosen: Sequence[Target],
    previous: Lock,
    provider: BaseLocker,
    today: str,
    note: Note,
) -> tuple[dict[str, BaseLock], list[Problem]]:
    problems: list[Problem] = []

    def lock_base(base: Base) -> BaseLock | None:
        sources = catalog.matrix.value(base.axis, base.value).sources
        previous_lock = previous.bases.get(base.id)
        note(f"{base.id}: looking")
        try:
            base_lock = provider.lock(base, sources, previous_lock, today)
        except BuilderError as error:
            problems.append(Problem(subject=base.id, error=error, keeps=previous_lock is not None))
            note(f"{base.id}: {'stays as it is' if previous_lock else 'not locked'}: {error}")
            return None
        status = (
            "unchanged" if previous_lock and previous_lock.content == base_lock.content else "new"
        )
        note(f"{base.id}: {status}, {base_lock.source}, {base_lock.content[:19]}")
        return base_lock

    needed = {target.parent: expansion.bases[target.parent] for target in chosen if target.is_root}
    locked = in_parallel(lock_base, needed.values(), at_once=max(1, len(needed)))
    base_locks = {key: lock for key, lock in zip(needed, locked, strict=True) if lock is not None}
    return base_locks, problems
