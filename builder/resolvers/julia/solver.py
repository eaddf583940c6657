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
    """No versions fit together; `reasons` says in lines what stands in the way."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True, kw_only=True)
class World:
    """What there is to choose from, for one Julia.

    `fixed` are versions that stay, and `owners` who has them; `kept` are versions that are tried
    first; `limits` are ranges, with their text. All by uuid.
    """

    registry: Registry
    julia: str
    stdlibs: Mapping[str, Stdlib]
    fixed: Mapping[str, tuple[str, str]]  # name and version
    owners: Mapping[str, str]
    kept: Mapping[str, str]
    limits: Mapping[str, tuple[str, tuple[Range, ...]]]

    @property
    def has_weak(self) -> bool:
        """Whether this Julia knows packages that need not be there."""
        return number(self.julia) >= _WEAK_SINCE

    def fits_julia(self, package: Registered, version: str) -> bool:
        """Whether a version is for this Julia."""
        return package.julia(version).takes(self.julia)

    def versions(self, uuid: str) -> list[str]:
        """Return the versions that may be taken, the best first."""
        if uuid in self.stdlibs:
            return [self.stdlibs[uuid].version]
        if uuid in self.fixed:
            return [self.fixed[uuid][1]]
        package = self.registry.packages.get(uuid)
        if package is None:
            return []
        kept = self.kept.get(uuid, "")
        found = [
            version
            for version in package.versions
            if (version == kept or not package.is_yanked(version))
            and self.fits_julia(package, version)
            and self._is_within(uuid, version)
        ]
        return sorted(found, key=lambda version: version != kept)

    def needs(self, uuid: str, version: str) -> list[Need]:
        """Return what a version needs; what comes with Julia has what it needs."""
        package = self.registry.packages.get(uuid)
        if uuid in self.stdlibs or package is None or version not in package.versions:
            return []
        return package.needs(version, has_weak=self.has_weak)

    def _is_within(self, uuid: str, version: str) -> bool:
        _, ranges = self.limits.get(uuid, ("", ()))
        return not ranges or any(version in item for item in ranges)


@dataclass(frozen=True)
class _Key:
    """A package; `is_weak`: as far as it is there at all.

    What weakly needs a package asks for the weak key, which may stand for none; a package that is
    there asks for its own version of its weak key. So the one binds the other, and brings nothing.
    """

    uuid: str
    is_weak: bool = False


@dataclass(frozen=True)
class _Candidate:
    key: _Key
    version: str


@dataclass(frozen=True)
class _Asked:
    """A requirement: any version that `need` takes, or an exact one."""

    key: _Key
    need: Need
    exact: str = ""

    def takes(self, version: str) -> bool:
        if self.exact:
            return version == self.exact
        return (self.key.is_weak and version == _ABSENT) or self.need.takes(version)


_Told = RequirementInformation[_Asked, _Candidate]


class _Provider(AbstractProvider[_Asked, _Candidate, _Key]):
    """`watched` are the packages whose weak keys are asked for, as what was found broke them."""

    def __init__(self, world: World, watched: Set[str]) -> None:
        self._world = world
        self._watched = watched
        self._known: dict[_Key, list[_Candidate]] = {}

    def identify(self, requirement_or_candidate: _Asked | _Candidate) -> _Key:
        return requirement_or_candidate.key

    def get_preference(
        self,
        identifier: _Key,
        resolutions: Mapping[_Key, _Candidate],
        candidates: Mapping[_Key, Iterator[_Candidate]],
        information: Mapping[_Key, Iterator[_Told]],
        backtrack_causes: Sequence[_Told],
    ) -> tuple[bool, bool, int, str]:
        """Return a rank: what is hardest to satisfy goes first; what need not be there, last."""
        is_cause = any(identifier == told.requirement.key for told in backtrack_causes)
        number_of = sum(1 for _ in candidates[identifier])
        return identifier.is_weak, not is_cause, number_of, identifier.uuid

    def find_matches(
        self,
        identifier: _Key,
        requirements: Mapping[_Key, Iterator[_Asked]],
        incompatibilities: Mapping[_Key, Iterator[_Candidate]],
    ) -> list[_Candidate]:
        asked = list(requirements[identifier])
        refused = set(incompatibilities[identifier])
        return [
            it
            for it in self._all(identifier)
            if it not in refused and all(one.takes(it.version) for one in asked)
        ]

    def is_satisfied_by(self, requirement: _Asked, candidate: _Candidate) -> bool:
        return requirement.takes(candidate.version)

    def get_dependencies(self, candidate: _Candidate) -> list[_Asked]:
        key, version = candidate.key, candidate.version
        if key.is_weak:
            return []
        found = [
            _Asked(_Key(need.uuid, need.is_weak), need)
            for need in self._world.needs(key.uuid, version)
            if (need.uuid in self._watched or not need.is_weak) and not self._is_given(need)
        ]
        if key.uuid in self._watched:
            own = Need(uuid=key.uuid, name="")
            found.append(_Asked(_Key(key.uuid, is_weak=True), own, version))
        return found

    def _is_given(self, need: Need) -> bool:
        """Whether it comes with Julia, as it must be."""
        brought = self._world.stdlibs.get(need.uuid)
        return brought is not None and need.takes(brought.version)

    def _all(self, key: _Key) -> list[_Candidate]:
        if key not in self._known:
            versions = self._world.versions(key.uuid)
            if key.is_weak:
                versions = [_ABSENT, *versions]
            self._known[key] = [_Candidate(key, version) for version in versions]
        return self._known[key]


def solve(world: World, roots: Iterable[Registered], asker: str) -> dict[str, str]:
    """Return versions by uuid: of `roots`, of what `world` has fixed, and of all they need.

    What comes with Julia is not in it. `asker` is what the reasons of a NoneFitError call it.
    """
    asked = [
        _Asked(_Key(uuid), Need(uuid=uuid, name=name)) for uuid, (name, _) in world.fixed.items()
    ]
    asked += [_Asked(_Key(it.uuid), Need(uuid=it.uuid, name=it.name)) for it in roots]
    watched: set[str] = set()
    while True:
        found = _solve(world, asked, watched, asker)
        missed = set(_missed(world, found))
        if not missed:
            return found
        watched |= missed


def _solve(world: World, asked: Sequence[_Asked], watched: Set[str], asker: str) -> dict[str, str]:
    reporter: BaseReporter[_Asked, _Candidate, _Key] = BaseReporter()
    try:
        result = Resolver(_Provider(world, watched), reporter).resolve(asked, max_rounds=_ROUNDS)
    except ResolutionImpossible as error:
        raise NoneFitError(_reasons(world, error.causes, asker)) from None
    except ResolutionTooDeep:
        raise NoneFitError([f"nothing was found in {_ROUNDS} rounds"]) from None
    return {
        key.uuid: it.version
        for key, it in result.mapping.items()
        if not key.is_weak and key.uuid not in world.stdlibs
    }


def _missed(world: World, found: Mapping[str, str]) -> Iterator[str]:
    """Return the packages that are there, and do not fit what weakly needs them."""
    there = {**{uuid: it.version for uuid, it in world.stdlibs.items()}, **found}
    for uuid, version in found.items():
        for need in world.needs(uuid, version):
            if need.is_weak and need.uuid in there and not need.takes(there[need.uuid]):
                yield need.uuid


def _reasons(world: World, causes: Iterable[_Told], asker: str) -> list[str]:
    """Return who needs what, in its newest version, and why no version of that fits."""
    found: dict[str, None] = {}
    told: set[tuple[_Key | None, str]] = set()
    for requirement, parent in causes:
        uuid, need = requirement.key.uuid, requirement.need
        asked = (parent.key if parent else None, uuid)
        if asked not in told and (parent or uuid not in world.fixed):
            told.add(asked)
            found |= dict.fromkeys(_asking(world, requirement, parent, asker))
        if reason := _nothing(world, uuid, _name(world, uuid) or need.name):
            found[reason] = None
    return list(found)


def _asking(
    world: World, requirement: _Asked, parent: _Candidate | None, asker: str
) -> Iterator[str]:
    """Return a requirement in words; if an ancestor has the package, also which one."""
    need = requirement.need
    if parent is None:
        yield f"{asker} asks for {need.name}"
        return
    name = _name(world, parent.key.uuid)
    if requirement.exact:
        yield f"{name} {parent.version} is what the others take"
        return
    if parent.key.uuid in world.fixed:
        yield _has(world, parent.key.uuid)
    yield f"{name} {parent.version} needs {need.name} {need.text}".strip()


def _has(world: World, uuid: str) -> str:
    name, version = world.fixed[uuid]
    return f"{world.owners.get(uuid, 'an ancestor')} has {name} {version}"


def _nothing(world: World, uuid: str, name: str) -> str:
    """Return why the versions of a package are few: who has it, its pin, or "" for neither."""
    if uuid in world.stdlibs:
        return f"Julia {world.julia} has {name} {world.stdlibs[uuid].version}"
    if uuid in world.fixed:
        return _has(world, uuid)
    package = world.registry.packages.get(uuid)
    if package is None:
        return f"no registry has {name} ({uuid})"
    there = [version for version in package.versions if not package.is_yanked(version)]
    if not there:
        return f"every version of {name} was yanked"
    if not any(world.fits_julia(package, version) for version in there):
        return f"{name} {there[0]} needs Julia {package.julia(there[0]).text}, not {world.julia}"
    return f"{name} is held at {world.limits[uuid][0]}" if uuid in world.limits else ""


def _name(world: World, uuid: str) -> str:
    if uuid in world.stdlibs:
        return world.stdlibs[uuid].name
    if uuid in world.fixed:
        return world.fixed[uuid][0]
    package = world.registry.packages.get(uuid)
    return package.name if package else ""
