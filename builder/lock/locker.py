"""The work of `builder lock`: resolves base images, release lines and packages for this week."""

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
from builder.lock.cooldown import not_after, resolve
from builder.lock.interfaces import (
    BaseLocker,
    ExactVersion,
    PackageResolver,
    Provider,
    ReleaseLineRequest,
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
class WantedReleaseLine:
    """A release line to resolve for the targets on a base; the recipe of `target` installs it."""

    value: AxisValue
    base: Base
    target: Target


@dataclass(frozen=True, kw_only=True)
class LockResult:
    """A new lock, with the problems of what could not be resolved."""

    lock: Lock
    problems: tuple[Problem, ...] = ()


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
    return LockResult(lock=replace(base_locks.lock, package_sets=sets), problems=problems)


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
    wanted = wanted_release_lines(catalog, expansion, chosen, providers)
    roots = [target for target in chosen if target.is_root and target.parent not in unchanged.bases]
    moved, failed_bases = _lock_bases(catalog, expansion, roots, previous, bases, today, note)
    base_locks = {**previous.bases, **moved}
    missing = [
        item
        for item in wanted
        if item.base.id in base_locks
        and not _is_locked_for(unchanged.release_lines.get(item.value.id), item.base)
    ]
    release_locks, failed_lines = _lock_release_lines(
        catalog, missing, base_locks, previous.release_lines, providers, today, note
    )
    lock = _merged(alive, previous, base_locks, release_locks)
    return LockResult(lock=lock, problems=(*failed_bases, *failed_lines))


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
        package_set = package_sets.get(target.id)
        if (
            package_set is None
            or package_set.request.endswith(MOVED)
            or not package_requests.can_lock(target)
        ):
            continue
        if package_requests.moved(target, package_sets, previous) & package_set.packages.keys():
            marked[target.id] = replace(package_set, request=package_set.request + MOVED)
    return marked


def _merged(
    alive: Collection[Target],
    previous: Lock,
    bases: Mapping[str, BaseLock],
    release_lines: Mapping[str, VersionLock],
) -> Lock:
    """Return the new entries and the previous ones, without those that no live target needs."""
    roots = {BaseId(target.parent).value for target in alive if target.is_root}
    found_lines = {
        name: _with_other_bases(version_lock, previous.release_lines.get(name))
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
    """Return the target ids whose variant exists, on any platform."""
    variants = {variant.id for variants in expansion.variants.values() for variant in variants}
    return {key for key in target_ids if TargetId(key).variant in variants}


def _with_other_bases(version_lock: VersionLock, previous: VersionLock | None) -> VersionLock:
    """Return an unchanged release line with the files of bases for which it was not resolved."""
    if previous is None or previous.version != version_lock.version:
        return version_lock
    return replace(version_lock, files={**previous.files, **version_lock.files})


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


def _lock_release_lines(
    catalog: Catalog,
    wanted: Sequence[WantedReleaseLine],
    bases: Mapping[str, BaseLock],
    previous: Mapping[str, VersionLock],
    providers: Mapping[str, Provider],
    today: str,
    note: Note,
) -> tuple[dict[str, VersionLock], list[Problem]]:
    """Resolve every release line once for each base on which a recipe installs it."""
    limit = not_after(today, catalog.matrix.lock.cooldown)

    def resolve(item: WantedReleaseLine) -> ExactVersion | BuilderError:
        try:
            request = replace(
                release_line_request(item, bases[item.base.id], catalog), not_after=limit
            )
            return _resolve(item, request, providers, previous.get(item.value.id))
        except BuilderError as error:
            return error

    answers = list(zip(wanted, in_parallel(resolve, wanted), strict=True))
    release_locks: dict[str, VersionLock] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys(item.value.id for item in wanted):
        own_answers = [(item, answer) for item, answer in answers if item.value.id == name]
        try:
            release_locks[name] = _one_version(own_answers)
            note(f"{name}: {release_locks[name].version}")
        except BuilderError as error:
            previous_version = previous.get(name)
            problems.append(Problem(subject=name, error=error, keeps=previous_version is not None))
            outcome = f"stays {previous_version.version}" if previous_version else "not locked"
            note(f"{name}: {outcome}: {problems[-1].reason}")
    return release_locks, problems


def _is_locked_for(version_lock: VersionLock | None, base: Base) -> bool:
    """Whether a release line is locked for a base."""
    return version_lock is not None and (not version_lock.files or base.id in version_lock.files)


def wanted_release_lines(
    catalog: Catalog, expansion: Expansion, chosen: Sequence[Target], providers: Collection[str]
) -> list[WantedReleaseLine]:
    """Return each release line with each base on which a recipe installs it.

    Raises ConfigError for a release line that no recipe installs.
    """
    wanted: dict[tuple[str, str], WantedReleaseLine] = {}
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
            wanted.setdefault(
                (value.id, base.id), WantedReleaseLine(value=value, base=base, target=target)
            )
    brought = {value_id for value_id, _ in wanted}
    orphans = {value_id: error for value_id, error in orphans.items() if value_id not in brought}
    raise_all([*unknown.values(), *orphans.values()])
    return list(wanted.values())


def _no_provider(value: AxisValue, target: Target) -> ConfigError:
    return ConfigError(
        f"recipe {target.recipe} has no options for {value.axis} from provider {value.provider}",
        hint=f"images/{target.recipe}/recipe.yaml: "
        f"`provides: {{{value.axis}: {{{value.provider}: …}}}}`",
    )


def release_line_request(
    wanted: WantedReleaseLine, lock: BaseLock, catalog: Catalog
) -> ReleaseLineRequest:
    """Return the request to the provider of a release line."""
    value, provider_name = wanted.value, wanted.value.provider or ""
    return ReleaseLineRequest(
        line=value.upstream,
        base=wanted.base,
        lock=lock,
        options=catalog.recipes[wanted.target.recipe].provides[value.axis][provider_name],
        axis=value.axis,
        axes={
            axis: catalog.matrix.value(axis, value_name).upstream
            for axis, value_name in wanted.target.variant.values.items()
        },
    )


def _resolve(
    wanted: WantedReleaseLine,
    request: ReleaseLineRequest,
    providers: Mapping[str, Provider],
    previous: VersionLock | None,
) -> ExactVersion:
    value, provider_name = wanted.value, wanted.value.provider or ""
    try:
        exact = resolve(providers[provider_name], request, previous)
    except BuilderError as error:
        subject = f"{value.id} for {wanted.target.id} (recipe {wanted.target.recipe})"
        raise type(error)(f"{subject}: {error.message}", hint=error.hint) from error
    if exact.version != value.upstream and not exact.version.startswith(f"{value.upstream}."):
        raise StepError(
            f"{value.id}: provider {provider_name} has {exact.version} on {wanted.base.id}",
            hint="name the release line that it has, or require another base",
        )
    return exact


def _one_version(
    answers: Sequence[tuple[WantedReleaseLine, ExactVersion | BuilderError]],
) -> VersionLock:
    """Return the one version of all bases. Raises the error of a base that has none."""
    files: dict[str, tuple[RemoteFile, ...]] = {}
    versions: dict[str, str] = {}
    for wanted, answer in answers:
        if isinstance(answer, BuilderError):
            raise answer
        versions[wanted.base.id] = answer.version
        if answer.files:
            files[wanted.base.id] = answer.files
    if len(set(versions.values())) > 1:
        several = ", ".join(f"{version} on {base}" for base, version in versions.items())
        raise StepError(
            f"{answers[0][0].value.id} has more than one exact version: {several}",
            hint="declare a release line for each base, with `requires`",
        )
    return VersionLock(version=next(iter(versions.values())), files=files)
