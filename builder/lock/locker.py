"""The work of `builder lock`: what bases, lines and packages are, this week."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from builder.catalog.expansion import Expansion, own_values
from builder.catalog.ids import BaseId, TargetId
from builder.catalog.models import AxisValue, Base, Catalog, Matrix, RemoteFile, Target
from builder.common.errors import BuilderError, ConfigError, NoPackageError, StepError, raise_all
from builder.common.parallel import in_parallel
from builder.common.text import count, did_you_mean
from builder.lock.interfaces import (
    BaseLocker,
    ExactVersion,
    PackageResolver,
    Provider,
    ReleaseLineRequest,
)
from builder.lock.lockfile import BaseLock, Lock, PackageSet, VersionLock
from builder.lock.package_locker import (
    ALL,
    Locate,
    Note,
    PackageLocker,
    Upgrade,
    alive_targets,
    with_what_they_need,
)
from builder.lock.problems import Problem
from builder.lock.requests import MOVED, PackageRequests

Explain = Callable[[Lock], Mapping[str, Sequence[BuilderError]]]
"""Better words for what failed of the packages of targets, by their ids."""
_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A line to be looked up for what stands on a base; the recipe of `target` brings it."""

    value: AxisValue
    base: Base
    target: Target


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A lock, and what of it could not be looked up."""

    lock: Lock
    problems: tuple[Problem, ...] = ()


def lock_catalog(
    *,
    catalog: Catalog,
    expansion: Expansion,
    held: Lock | None,
    bases: BaseLocker,
    providers: Mapping[str, Provider],
    today: str,
    note: Note,
    locate: Locate,
    targets: Collection[str] | None = None,
    upgrade: Upgrade = ALL,
    resolvers: Mapping[str, PackageResolver] = MappingProxyType({}),
    explain: Explain | None = None,
) -> Locked:
    """Lock what `targets` (ids; None: all) need, and keep the other entries of `held`.

    An entry that still fits stays, unless `upgrade` lets it move. A failure stops only what needs
    it: the old entry stays, or is left out, and the plan blocks its targets. `resolvers` are in the
    order of installation. `explain` may give better reasons for failures, given the base images and
    release lines. Raises ConfigError where the catalog contradicts itself.
    """
    alive = alive_targets(expansion, today)
    chosen = with_what_they_need(alive if targets is None else targets, alive, expansion)
    before = held or Lock()
    below = _lock_bases_and_lines(
        catalog=catalog, expansion=expansion, alive=alive.values(), chosen=chosen, before=before,
        bases=bases, providers=providers, upgrade=upgrade, today=today, note=note,
    )  # fmt: skip
    requests = PackageRequests(catalog=catalog, expansion=expansion, lock=below.lock)
    locker = PackageLocker(
        package_requests=requests, resolvers=resolvers, upgrade=upgrade, today=today, note=note,
        locate=locate,
    )  # fmt: skip
    note(f"packages of {count(len(chosen), 'target')}: looking")
    locked, failed = locker.lock(chosen, before)
    sets = _marked(requests, alive.values(), chosen, {**before.package_sets, **locked}, before)
    lock = replace(below.lock, package_sets=_in_use(sets, _of_any_platform(expansion, sets)))
    return Locked(lock=lock, problems=(*below.problems, *_explained(failed, explain, below.lock)))


def _lock_bases_and_lines(
    *,
    catalog: Catalog,
    expansion: Expansion,
    alive: Collection[Target],
    chosen: Sequence[Target],
    before: Lock,
    bases: BaseLocker,
    providers: Mapping[str, Provider],
    upgrade: Upgrade,
    today: str,
    note: Note,
) -> Locked:
    """Lock what packages are chosen on; of packages themselves the lock has none."""
    keep = _fits(before, catalog.matrix, expansion, upgrade)
    wanted = _wanted(catalog, expansion, chosen, providers)
    asked = [target for target in chosen if target.is_root and target.parent not in keep.bases]
    moved, failed_bases = _lock_bases(catalog, expansion, asked, before, bases, today, note)
    known = {**before.bases, **moved}
    missing = [
        line
        for line in wanted
        if line.base.id in known and not _has(keep.release_lines.get(line.value.id), line.base)
    ]
    lines, failed_lines = _lock_lines(
        catalog, missing, known, before.release_lines, providers, note
    )
    lock = _with_held(alive, before, known, lines)
    return Locked(lock=lock, problems=(*failed_bases, *failed_lines))


def _explained(
    problems: Sequence[Problem], explain: Explain | None, lock: Lock
) -> Iterator[Problem]:
    """Problems of targets in better words, where there are some."""

    def is_told(one: Problem) -> bool:
        # What one base lacks another may have, which only this view of all knows.
        is_missing = isinstance(one.error, NoPackageError)
        return one.is_unreachable or bool(one.error.location and not is_missing)

    better = {} if explain is None or all(map(is_told, problems)) else explain(lock)
    for one in problems:
        words = () if is_told(one) else better.get(one.subject, ())
        for error in words or (one.error,):
            yield replace(one, error=error)


def _marked(
    package_requests: PackageRequests,
    alive: Collection[Target],
    asked: Collection[Target],
    layers: Mapping[str, PackageSet],
    before: Lock,
) -> dict[str, PackageSet]:
    """Layers, with a mark on those that were not asked though what they stand on has moved."""
    marked = dict(layers)
    for target in (target for target in alive if target not in asked):
        layer = layers.get(target.id)
        if layer is None or layer.request.endswith(MOVED) or not package_requests.can_lock(target):
            continue
        if package_requests.moved(target, layers, before) & layer.packages.keys():
            marked[target.id] = replace(layer, request=layer.request + MOVED)
    return marked


def _with_held(
    alive: Collection[Target],
    before: Lock,
    bases: Mapping[str, BaseLock],
    lines: Mapping[str, VersionLock],
) -> Lock:
    """Merge the new lock with the previous one, without what only ended targets need."""
    roots = {BaseId(item.parent).value for item in alive if item.is_root}
    found = {
        name: _with_other_bases(line, before.release_lines.get(name))
        for name, line in lines.items()
    }
    return Lock(
        # Those of platforms that this run is not about stay.
        bases=_in_use(bases, {key for key in bases if BaseId(key).value in roots}),
        release_lines=_in_use({**before.release_lines, **found}, _lines(alive)),
    )


def _fits(held: Lock, matrix: Matrix, expansion: Expansion, upgrade: Upgrade) -> Lock:
    """Return the part of a lock that stays: the matrix still has it, and no upgrade names it."""
    bases = {}
    for key, base in expansion.bases.items():
        sources = matrix.value(base.axis, base.value).sources
        is_fixed = not upgrade.line(base.value_id)
        if key in held.bases and is_fixed and held.bases[key].source in sources:
            bases[key] = held.bases[key]
    lines = {key: line for key, line in held.release_lines.items() if not upgrade.line(key)}
    return Lock(bases=bases, release_lines=lines)


def _of_any_platform(expansion: Expansion, layers: Iterable[str]) -> set[str]:
    """Return the target ids whose variant the matrix has, on any platform."""
    variants = {variant.id for variants in expansion.variants.values() for variant in variants}
    return {key for key in layers if TargetId(key).variant in variants}


def _with_other_bases(line: VersionLock, held: VersionLock | None) -> VersionLock:
    """Add the locked files of other bases to a release line whose version did not change."""
    if held is None or held.version != line.version:
        return line
    return replace(line, files={**held.files, **line.files})


def _lines(targets: Iterable[Target]) -> set[str]:
    return {line for it in targets for line in it.variant.value_ids}


def _in_use(items: Mapping[str, _Item], names: Collection[str]) -> dict[str, _Item]:
    return {name: item for name, item in items.items() if name in names}


def _lock_bases(
    catalog: Catalog,
    expansion: Expansion,
    chosen: Sequence[Target],
    held: Lock,
    provider: BaseLocker,
    today: str,
    note: Note,
) -> tuple[dict[str, BaseLock], list[Problem]]:
    problems: list[Problem] = []

    def lock_base(base: Base) -> BaseLock | None:
        sources = catalog.matrix.value(base.axis, base.value).sources
        before = held.bases.get(base.id)
        note(f"{base.id}: looking")
        try:
            found = provider.lock(base, sources, before, today)
        except BuilderError as error:
            problems.append(Problem(subject=base.id, error=error, keeps=before is not None))
            note(f"{base.id}: {'stays as it is' if before else 'not locked'}: {error}")
            return None
        kept = "unchanged" if before and before.content == found.content else "new"
        note(f"{base.id}: {kept}, {found.source}, {found.content[:19]}")
        return found

    needed = {item.parent: expansion.bases[item.parent] for item in chosen if item.is_root}
    locked = in_parallel(lock_base, needed.values(), at_once=max(1, len(needed)))
    found = {key: item for key, item in zip(needed, locked, strict=True) if item is not None}
    return found, problems


def _lock_lines(
    catalog: Catalog,
    wanted: Sequence[Wanted],
    bases: Mapping[str, BaseLock],
    held: Mapping[str, VersionLock],
    providers: Mapping[str, Provider],
    note: Note,
) -> tuple[dict[str, VersionLock], list[Problem]]:
    """Look up each release line that a recipe provides, once for each base that needs it."""

    def resolve(item: Wanted) -> ExactVersion | BuilderError:
        try:
            return _resolve(item, bases[item.base.id], catalog, providers)
        except BuilderError as error:
            return error

    answers = list(zip(wanted, in_parallel(resolve, wanted), strict=True))
    lines: dict[str, VersionLock] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys(item.value.id for item in wanted):
        own = [(item, line) for item, line in answers if item.value.id == name]
        try:
            lines[name] = _join(own)
            note(f"{name}: {lines[name].version}")
        except BuilderError as error:
            before = held.get(name)
            problems.append(Problem(subject=name, error=error, keeps=before is not None))
            stays = f"stays {before.version}" if before else "not locked"
            note(f"{name}: {stays}: {problems[-1].reason}")
    return lines, problems


def _has(line: VersionLock | None, base: Base) -> bool:
    """Whether a line is locked for a base."""
    return line is not None and (not line.files or base.id in line.files)


def _wanted(
    catalog: Catalog, expansion: Expansion, chosen: Sequence[Target], providers: Collection[str]
) -> list[Wanted]:
    """Return each release line with each base on which a recipe provides it, at least one."""
    found: dict[tuple[str, str], Wanted] = {}
    orphans: dict[str, BuilderError] = {}
    unknown: dict[str, BuilderError] = {}
    for target in chosen:
        for axis, name in own_values(target, expansion).items():
            value = catalog.matrix.value(axis, name)
            recipe = catalog.recipes[target.recipe]
            if value.provider is None:
                continue
            if value.provider not in providers:
                unknown[value.id] = ConfigError(
                    f"{value.id}: unknown provider {value.provider!r}",
                    hint=did_you_mean(value.provider, providers),
                )
                continue
            if value.provider not in recipe.provides.get(axis, {}):
                orphans.setdefault(value.id, _no_provider(value, target))
                continue
            base = expansion.base_of(target)
            found.setdefault((value.id, base.id), Wanted(value=value, base=base, target=target))
    brought = {line for line, _ in found}
    orphans = {line: error for line, error in orphans.items() if line not in brought}
    raise_all([*unknown.values(), *orphans.values()])
    return list(found.values())


def _no_provider(value: AxisValue, target: Target) -> ConfigError:
    return ConfigError(
        f"recipe {target.recipe} does not say what provides {value.axis} by {value.provider}",
        hint=f"images/{target.recipe}/recipe.yaml: "
        f"`provides: {{{value.axis}: {{{value.provider}: …}}}}`",
    )


def _resolve(
    item: Wanted,
    lock: BaseLock,
    catalog: Catalog,
    providers: Mapping[str, Provider],
) -> ExactVersion:
    value, name = item.value, item.value.provider or ""
    request = ReleaseLineRequest(
        line=value.upstream,
        base=item.base,
        lock=lock,
        options=catalog.recipes[item.target.recipe].provides[value.axis][name],
        axis=value.axis,
        axes={
            axis: catalog.matrix.value(axis, one).upstream
            for axis, one in item.target.variant.values.items()
        },
    )
    try:
        line = providers[name].resolve(request)
    except BuilderError as error:
        brought = f"{value.id}, which recipe {item.target.recipe} brings to {item.target.id}"
        raise type(error)(f"{brought}: {error.message}", hint=error.hint) from error
    if line.version != value.upstream and not line.version.startswith(f"{value.upstream}."):
        raise StepError(
            f"{value.id}: provider {name} has {line.version} on {item.base.id}",
            hint="name the line that it has, or require another base",
        )
    return line


def _join(items: Sequence[tuple[Wanted, ExactVersion | BuilderError]]) -> VersionLock:
    """Join the versions of all bases to one. Raises the error of a base that could not be asked."""
    files: dict[str, tuple[RemoteFile, ...]] = {}
    versions: dict[str, str] = {}
    for item, line in items:
        if isinstance(line, BuilderError):
            raise line
        versions[item.base.id] = line.version
        if line.files:
            files[item.base.id] = line.files
    if len(set(versions.values())) > 1:
        several = ", ".join(f"{version} on {base}" for base, version in versions.items())
        raise StepError(
            f"{items[0][0].value.id} has more than one exact version: {several}",
            hint="give each base a line of its own with `requires`",
        )
    return VersionLock(version=next(iter(versions.values())), files=files)
