"""The requests to package resolvers, made of the catalog and the lock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from builder.catalog.ecosystem import EcosystemRules, Language
from builder.catalog.expansion import Expansion, own_values
from builder.catalog.ids import ValueId
from builder.catalog.models import AxisValue, Catalog, Matrix, RemoteFile, Target
from builder.catalog.package_names import check_name
from builder.catalog.packages import LockedPackage
from builder.catalog.recipe import build_variables, packages_of
from builder.common.hashing import canonical, sha256
from builder.lock.interfaces import PackageRequest, ReleaseLineRequest
from builder.lock.lockfile import Lock, PackageSet

_VERSION = re.compile(r"(?:\d+:)?(\d+\.\d+(?:\.\d+)?)")
Versions = Mapping[str, Mapping[str, LockedPackage]]

MOVED = "+moved"
"""After the hashes of a target: its ancestors were locked again since, and the target was not."""


@dataclass(frozen=True, kw_only=True)
class RequestKey:
    """What the choice of a target's packages depends on; the lock keeps its hashes.

    `own` is what people wrote: names and constraints. `rest` comes from the lock: release lines,
    and the names, without versions, of the ancestors' packages.
    """

    own: Mapping[str, Any]
    rest: Mapping[str, Any]

    def __str__(self) -> str:
        """Return the two hashes that the lock keeps, of 16 hex digits each."""
        return f"{_hash(self.own)}-{_hash(self.rest)}"

    @cached_property
    def former(self) -> str:
        """The one hash of everything, which older locks have instead of two."""
        return _hash({**self.own, **self.rest})

    def is_same(self, locked_hash: str) -> bool:
        """Whether the hashes of a lock were made of the same."""
        locked_hash = locked_hash.removesuffix(MOVED)
        return locked_hash == str(self) if "-" in locked_hash else locked_hash == self.former

    def is_same_recipe(self, locked_hash: str) -> bool:
        """Whether the hashes of a lock were made of the same names and constraints."""
        own, has_both, _ = locked_hash.removesuffix(MOVED).partition("-")
        return own == _hash(self.own) if has_both else locked_hash == self.former


def _hash(data: Mapping[str, Any]) -> str:
    return sha256(canonical(data))[:16]


def as_locked(value: AxisValue, values: Mapping[str, str], lock: Lock) -> AxisValue | None:
    """Return a value as its locked provider serves it in a variant; None if it is not locked there.

    A lock that names no provider is of a time when the line had one: that is the first now.
    """
    version_lock, fitting = lock.release_lines.get(value.id), value.fitting(values)
    if version_lock is None:
        return None
    if not version_lock.served:
        return next((one for one in fitting if one == value.alternatives[0]), None)
    provider = lock.lines_of(values).providers.get(value.id)
    return next((one for one in fitting if one.provider == provider), None)


def unlocked_line(values: Mapping[str, str], matrix: Matrix, lock: Lock) -> str:
    """Return the first release line that the lock lacks for a variant, as `axis=value`, or ""."""
    needed = (matrix.value(axis, name) for axis, name in values.items())
    for value in needed:
        if value.is_mirrored and value.id not in lock.versions:
            return value.id
        if value.alternatives[0].provider and as_locked(value, values, lock) is None:
            return value.id
    return ""


def never_locked(matrix: Matrix, lock: Lock) -> tuple[str, ...]:
    """Return the release lines and mirrored images that the lock lacks for every base.

    With this lock nobody can have built or tested anything that has one.
    """
    return tuple(
        value.id
        for values in matrix.axes.values()
        for value in values
        if (value.provider_names or value.is_mirrored)
        and value.id not in lock.versions
        and value.id not in lock.release_lines
    )


def is_known(target: Target, matrix: Matrix, expansion: Expansion, lock: Lock) -> bool:
    """Whether the base and every release line of a target is locked."""
    is_base = expansion.base_of(target).id in lock.bases
    return is_base and not unlocked_line(target.variant.values, matrix, lock)


class PackageRequests:
    """Makes requests for one catalog and one lock of base images and release lines.

    Package sets are arguments, as they are locked one after another.
    """

    def __init__(self, *, catalog: Catalog, expansion: Expansion, lock: Lock) -> None:
        self._catalog = catalog
        self._expansion = expansion
        self._lock = lock

    def names(self, target: Target) -> Mapping[str, tuple[str, ...]]:
        """Return the packages that the recipe of a target names, by ecosystem."""
        lines = self._lock.lines_of(target.variant.values)
        variables = build_variables(target, self._catalog.matrix, lines.versions, lines.providers)
        packages = packages_of(self._catalog.recipes[target.recipe], variables)
        for ecosystem, names in packages.items():
            if rules := self._catalog.ecosystems.get(ecosystem):
                for name in names:  # it may have a version of a lock of anybody
                    check_name(rules, name)
        return packages

    def can_lock(self, target: Target) -> bool:
        """Whether the base and every release line of a target is locked."""
        return is_known(target, self._catalog.matrix, self._expansion, self._lock)

    def has_parent(self, target: Target, package_sets: Mapping[str, PackageSet]) -> bool:
        """Whether the parent of a target has a package set, or is a base."""
        if target.is_root:
            return True
        return self._expansion.targets[target.parent].made_id in package_sets

    def request_key(self, target: Target, package_sets: Mapping[str, PackageSet]) -> RequestKey:
        """Return all that the choice of a target's packages depends on.

        Its hash is in every lock: with other keys here every package would be resolved again.
        """
        inherited = self.inherited(target, package_sets)
        versions = self._lock.lines_of(target.variant.values).versions
        return RequestKey(
            own={"names": self.names(target), "limits": self.constraints(target)},
            rest={
                "lines": {
                    value_id: versions.get(value_id, "") for value_id in target.variant.value_ids
                },
                "below": {name: sorted(packages) for name, (packages, _) in inherited.items()},
            },
        )

    def inherited(
        self, target: Target, package_sets: Mapping[str, PackageSet]
    ) -> dict[str, tuple[dict[str, LockedPackage], dict[str, str]]]:
        """Return the packages of a target's ancestors, with the ancestor's id, by ecosystem."""
        inherited: dict[str, tuple[dict[str, LockedPackage], dict[str, str]]] = {}
        for ancestor in self._expansion.lineage(target)[:-1]:
            if ancestor.made_id in package_sets:
                for ecosystem, packages in package_sets[ancestor.made_id].packages.items():
                    collected, introduced_by = inherited.setdefault(ecosystem, ({}, {}))
                    collected |= packages
                    introduced_by |= dict.fromkeys(packages, ancestor.made_id)
        return inherited

    def moved(
        self, target: Target, package_sets: Mapping[str, PackageSet], previous: Lock
    ) -> set[str]:
        """Return the ecosystems of which a target inherits other versions than in `previous`.

        If its base has other content, they include those whose packages come from its archive.
        """
        previously_inherited = self.inherited(target, previous.package_sets)
        ecosystems = set()
        for ecosystem, (packages, _) in self.inherited(target, package_sets).items():
            previous_packages = previously_inherited.get(ecosystem, ({}, {}))[0]
            if any(name in previous_packages and previous_packages[name].version != package.version
                   for name, package in packages.items()):  # fmt: skip
                ecosystems.add(ecosystem)
        base = self._expansion.base_of(target).id
        if base in previous.bases and previous.bases[base].content != self._lock.base(base).content:
            rules_by_ecosystem = self._catalog.ecosystems
            ecosystems |= {name for name, rules in rules_by_ecosystem.items() if rules.is_of_base}
        return ecosystems

    def constraints(self, target: Target) -> dict[str, dict[str, str]]:
        """Return what is pinned for a target or its ancestors, by ecosystem and package."""
        limits: dict[str, dict[str, str]] = {}
        for ancestor in self._expansion.lineage(target):
            pin = self._catalog.matrix.images[ancestor.variant.image].pin
            for ecosystem, pinned in (pin.packages if pin else {}).items():
                limits.setdefault(ecosystem, {}).update(pinned)
        return limits

    def request(
        self,
        target: Target,
        ecosystem: str,
        package_sets: Mapping[str, PackageSet],
        *,
        own: Versions,
        preferred: Mapping[str, LockedPackage] | None = None,
        locked: Mapping[str, LockedPackage] | None = None,
    ) -> PackageRequest:
        """Return the request for an ecosystem; `own` are the target's packages of earlier ones."""
        inherited = self.inherited(target, package_sets)
        packages, introduced_by = inherited.get(ecosystem, ({}, {}))
        rules = self._catalog.ecosystems[ecosystem]
        present = {
            name: {**of_ancestors, **own.get(name, {})}
            for name, (of_ancestors, _) in inherited.items()
        }
        return PackageRequest(
            target=target,
            base=(base := self._expansion.base_of(target)),
            lock=self._lock.base(base.id),
            names=tuple(self.names(target).get(ecosystem, ())),
            inherited=packages,
            introduced_by=introduced_by,
            constraints=self.constraints(target).get(ecosystem, {}),
            preferred=preferred or {},
            locked=locked or {},
            release_lines=tuple(self._release_lines(target)),
            languages=self._languages(target, rules, {**own, **present}),
            archives=tuple(self._archives(target, rules)),
        )

    def _release_lines(self, target: Target) -> Iterator[tuple[str, ReleaseLineRequest]]:
        matrix, base = self._catalog.matrix, self._expansion.base_of(target)
        locked = self._lock.lines_of(target.variant.values).providers
        for ancestor in self._expansion.lineage(target):
            for axis, name in own_values(ancestor, self._expansion).items():
                value = matrix.value(axis, name).served(target.variant.values, locked)
                provider = value.provider or ""
                options = (
                    self._catalog.recipes[ancestor.recipe].provides.get(axis, {}).get(provider)
                )
                if options is not None:
                    yield (
                        provider,
                        ReleaseLineRequest(
                            line=value.upstream, base=base, lock=self._lock.bases[base.id],
                            options=options, axis=axis,
                        ),
                    )  # fmt: skip

    def _archives(self, target: Target, rules: EcosystemRules) -> Iterator[RemoteFile]:
        """Yield files of release lines that are packages, or archives of the languages."""
        own = own_values(target, self._expansion)
        suffixes = [(ValueId.of(axis, name), rules.package_suffix) for axis, name in own.items()]
        suffixes += [
            (
                ValueId.of(language.axis, target.variant.values.get(language.axis, "")),
                language.file_suffix,
            )
            for language in rules.languages
        ]
        base = self._expansion.base_of(target).id
        for value_id, suffix in suffixes:
            version_lock = self._lock.release_lines.get(value_id)
            for file in version_lock.files.get(base, ()) if version_lock and suffix else ():
                if file.name.endswith(suffix):
                    yield file

    def _languages(
        self, target: Target, rules: EcosystemRules, present: Versions
    ) -> dict[str, str]:
        """Return the exact versions of languages, by axis. `present` are packages by ecosystem."""
        versions = {
            language.axis: self._version(target, language, present) for language in rules.languages
        }
        return {axis: version for axis, version in versions.items() if version}

    def _version(self, target: Target, language: Language, present: Versions) -> str:
        """Return the version of its release line, or else of the package that it comes in."""
        value = ValueId.of(language.axis, target.variant.values.get(language.axis, ""))
        if version := self._lock.lines_of(target.variant.values).versions.get(value):
            return version
        package = present.get(language.ecosystem, {}).get(language.package)
        match = _VERSION.match(package.version) if package else None
        return match[1] if match else ""
