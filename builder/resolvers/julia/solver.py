"""Chooses versions of Julia's packages, the newest that fit together, with pip's own solver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from resolvelib import (
    AbstractProvider,
    BaseReporter,
    ResolutionImpossible,
    ResolutionTooDeep,
    Resolver,
)
from resolvelib.structs import RequirementInformation

from builder.resolvers.julia.registry import Need, Registered, Registry
from builder.resolvers.julia.stdlib import Stdlib
from builder.resolvers.julia.versions import Range, number

_ROUNDS = 100_000
_ABSENT = ""
_WEAK_SINCE = (1, 9, 0)


class NoneFitError(Exception):
    """No versions fit together; `reasons` are the conflicts, a line for each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True, kw_only=True)
class World:
    """The packages and versions to choose from, for one Julia.

    `fixed` are versions that stay, `introduced_by` the ancestors that have them; `preferred` are
    versions that are tried first; `limits` are ranges, with their text. All by uuid.
    """

    registry: Registry
    julia: str
    stdlibs: Mapping[str, Stdlib]
    fixed: Mapping[str, tuple[str, str]]  # name and version
    introduced_by: Mapping[str, str]
    preferred: Mapping[str, str]
    limits: Mapping[str, tuple[str, tuple[Range, ...]]]

    @property
    def has_weak(self) -> bool:
        """Whether this Julia knows weak dependencies."""
        return number(self.julia) >= _WEAK_SINCE

    def fits_julia(self, package: Registered, version: str) -> bool:
        """Whether a version is for this Julia."""
        return package.julia(version).takes(self.julia)

    def versions(self, uuid: str) -> list[str]:
        """Return the versions that may be chosen, the best first."""
        if uuid in self.stdlibs:
            return [self.stdlibs[uuid].version]
        if uuid in self.fixed:
            return [self.fixed[uuid][1]]
        package = self.registry.packages.get(uuid)
        if package is None:
            return []
        preferred = self.preferred.get(uuid, "")
        usable = [
            version
            for version in package.versions
            if (version == preferred or not package.is_yanked(version))
            and self.fits_julia(package, version)
            and self._is_within(uuid, version)
        ]
        return sorted(usable, key=lambda version: version != preferred)

    def needs(self, uuid: str, version: str) -> list[Need]:
        """Return the dependencies of a version; those of Julia's own packages are met."""
        package = self.registry.packages.get(uuid)
        if uuid in self.stdlibs or package is None or version not in package.versions:
            return []
        return package.needs(version, has_weak=self.has_weak)

    def _is_within(self, uuid: str, version: str) -> bool:
        _, ranges = self.limits.get(uuid, ("", ()))
        return not ranges or any(version in item for item in ranges)


@dataclass(frozen=True)
class _Key:
    """A package; with `is_weak`, the package if it is installed at all.

    A weak dependency is a requirement on the weak key, whose candidates include "not installed". An
    installed package requires its own version of its weak key. So a weak dependency restricts the
    version, but does not install the package.
    """

    uuid: str
    is_weak: bool = False


@dataclass(frozen=True)
class _Candidate:
    key: _Key
    version: str


@dataclass(frozen=True)
class _Requirement:
    """A requirement: any version that `need` accepts, or an exact one."""

    key: _Key
    need: Need
    exact: str = ""

    def takes(self, version: str) -> bool:
        if self.exact:
            return version == self.exact
        return (self.key.is_weak and version == _ABSENT) or self.need.takes(version)


_Cause = RequirementInformation[_Requirement, _Candidate]


class _Provider(AbstractProvider[_Requirement, _Candidate, _Key]):
    """`watched` are the packages whose weak keys are asked for, as what was found broke them."""

    def __init__(self, world: World, watched: Set[str]) -> None:
        self._world = world
        self._watched = watched
        self._candidates: dict[_Key, list[_Candidate]] = {}

    def identify(self, requirement_or_candidate: _Requirement | _Candidate) -> _Key:
        return requirement_or_candidate.key

    def get_preference(
        self,
        identifier: _Key,
        resolutions: Mapping[_Key, _Candidate],
        candidates: Mapping[_Key, Iterator[_Candidate]],
        information: Mapping[_Key, Iterator[_Cause]],
        backtrack_causes: Sequence[_Cause],
    ) -> tuple[bool, bool, int, str]:
        """Return a rank: the hardest to satisfy comes first, weak dependencies last."""
        is_cause = any(identifier == cause.requirement.key for cause in backtrack_causes)
        count = sum(1 for _ in candidates[identifier])
        return identifier.is_weak, not is_cause, count, identifier.uuid

    def find_matches(
        self,
        identifier: _Key,
        requirements: Mapping[_Key, Iterator[_Requirement]],
        incompatibilities: Mapping[_Key, Iterator[_Candidate]],
    ) -> list[_Candidate]:
        wanted = list(requirements[identifier])
        excluded = set(incompatibilities[identifier])
        return [
            candidate
            for candidate in self._all(identifier)
            if candidate not in excluded
            and all(requirement.takes(candidate.version) for requirement in wanted)
        ]

    def is_satisfied_by(self, requirement: _Requirement, candidate: _Candidate) -> bool:
        return requirement.takes(candidate.version)

    def get_dependencies(self, candidate: _Candidate) -> list[_Requirement]:
        key, version = candidate.key, candidate.version
        if key.is_weak:
            return []
        dependencies = [
            _Requirement(_Key(need.uuid, need.is_weak), need)
            for need in self._world.needs(key.uuid, version)
            if (need.uuid in self._watched or not need.is_weak) and not self._is_given(need)
        ]
        if key.uuid in self._watched:
            itself = Need(uuid=key.uuid, name="")
            dependencies.append(_Requirement(_Key(key.uuid, is_weak=True), itself, version))
        return dependencies

    def _is_given(self, need: Need) -> bool:
        """Whether Julia itself has a package in a version that is accepted."""
        stdlib = self._world.stdlibs.get(need.uuid)
        return stdlib is not None and need.takes(stdlib.version)

    def _all(self, key: _Key) -> list[_Candidate]:
        if key not in self._candidates:
            versions = self._world.versions(key.uuid)
            if key.is_weak:
                versions = [_ABSENT, *versions]
            self._candidates[key] = [_Candidate(key, version) for version in versions]
        return self._candidates[key]


def solve(world: World, roots: Iterable[Registered], asker: str) -> dict[str, str]:
    """Return versions by uuid: of `roots`, of the fixed packages, and of their dependencies.

    Packages that come with Julia are left out. The reasons of a NoneFitError name the target as
    `asker`.
    """
    requirements = [
        _Requirement(_Key(uuid), Need(uuid=uuid, name=name))
        for uuid, (name, _) in world.fixed.items()
    ]
    requirements += [
        _Requirement(_Key(root.uuid), Need(uuid=root.uuid, name=root.name)) for root in roots
    ]
    watched: set[str] = set()
    while True:
        versions = _solve(world, requirements, watched, asker)
        unfit = set(_missed(world, versions))
        if not unfit:
            return versions
        watched |= unfit


def _solve(
    world: World, requirements: Sequence[_Requirement], watched: Set[str], asker: str
) -> dict[str, str]:
    reporter: BaseReporter[_Requirement, _Candidate, _Key] = BaseReporter()
    try:
        result = Resolver(_Provider(world, watched), reporter).resolve(
            requirements, max_rounds=_ROUNDS
        )
    except ResolutionImpossible as error:
        raise NoneFitError(_reasons(world, error.causes, asker)) from None
    except ResolutionTooDeep:
        raise NoneFitError([f"no solution was found in {_ROUNDS} rounds"]) from None
    return {
        key.uuid: candidate.version
        for key, candidate in result.mapping.items()
        if not key.is_weak and key.uuid not in world.stdlibs
    }


def _missed(world: World, chosen: Mapping[str, str]) -> Iterator[str]:
    """Yield the chosen packages that do not fit a weak dependency on them."""
    versions = {**{uuid: stdlib.version for uuid, stdlib in world.stdlibs.items()}, **chosen}
    for uuid, version in chosen.items():
        for need in world.needs(uuid, version):
            if need.is_weak and need.uuid in versions and not need.takes(versions[need.uuid]):
                yield need.uuid


def _reasons(world: World, causes: Iterable[_Cause], asker: str) -> list[str]:
    """Return a sentence for each requirement, and for why no version fits it."""
    reasons: dict[str, None] = {}
    explained: set[tuple[_Key | None, str]] = set()
    for requirement, parent in causes:
        uuid, need = requirement.key.uuid, requirement.need
        pair = (parent.key if parent else None, uuid)
        if pair not in explained and (parent or uuid not in world.fixed):
            explained.add(pair)
            reasons |= dict.fromkeys(_asking(world, requirement, parent, asker))
        if reason := _nothing(world, uuid, _name(world, uuid) or need.name):
            reasons[reason] = None
    return list(reasons)


def _asking(
    world: World, requirement: _Requirement, parent: _Candidate | None, asker: str
) -> Iterator[str]:
    """Yield a requirement as a sentence, and the ancestor that has the package, if any."""
    need = requirement.need
    if parent is None:
        yield f"{asker} asks for {need.name}"
        return
    name = _name(world, parent.key.uuid)
    if requirement.exact:
        yield f"{name} {parent.version} is the version that the others accept"
        return
    if parent.key.uuid in world.fixed:
        yield _has(world, parent.key.uuid)
    yield f"{name} {parent.version} needs {need.name} {need.text}".strip()


def _has(world: World, uuid: str) -> str:
    name, version = world.fixed[uuid]
    return f"{world.introduced_by.get(uuid, 'an ancestor')} has {name} {version}"


def _nothing(world: World, uuid: str, name: str) -> str:
    """Return why few versions of a package are possible: its owner, its pin, or ""."""
    if uuid in world.stdlibs:
        return f"Julia {world.julia} has {name} {world.stdlibs[uuid].version}"
    if uuid in world.fixed:
        return _has(world, uuid)
    package = world.registry.packages.get(uuid)
    if package is None:
        return f"no registry has {name} ({uuid})"
    available = [version for version in package.versions if not package.is_yanked(version)]
    if not available:
        return f"every version of {name} was yanked"
    if not any(world.fits_julia(package, version) for version in available):
        newest = available[0]
        return f"{name} {newest} needs Julia {package.julia(newest).text}, not {world.julia}"
    return f"{name} is pinned to {world.limits[uuid][0]}" if uuid in world.limits else ""


def _name(world: World, uuid: str) -> str:
    if uuid in world.stdlibs:
        return world.stdlibs[uuid].name
    if uuid in world.fixed:
        return world.fixed[uuid][0]
    package = world.registry.packages.get(uuid)
    return package.name if package else ""
