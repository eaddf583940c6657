"""What is asked of each ecosystem for a target, out of the catalog and the lock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from builder.catalog.expansion import Expansion, own_values
from builder.catalog.ids import ValueId
from builder.catalog.models import Catalog, Matrix, RemoteFile, Target
from builder.catalog.packages import LockedPackage
from builder.catalog.recipe import build_variables, packages_of
from builder.common.hashing import canonical, sha256
from builder.lock.interfaces import PackageRequest, ReleaseLineRequest
from builder.lock.lockfile import Lock, PackageSet

_VERSION = re.compile(r"(?:\d+:)?(\d+\.\d+(?:\.\d+)?)")


MOVED = "+moved"
"""After the hashes of a target: what it stands on was locked anew, and it was not looked at."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the packages of a target are chosen for, of which the lock keeps hashes.

    `own` is what people wrote: names and limits. `rest` is what the lock says elsewhere: lines, and
    the names of what ancestors have; in which version is theirs to say.
    """

    own: Mapping[str, Any]
    rest: Mapping[str, Any]

    def __str__(self) -> str:
        """The two hashes that the lock keeps, of 16 hex digits each."""
        return f"{_hash(self.own)}-{_hash(self.rest)}"

    @cached_property
    def former(self) -> str:
        """The one hash of all, which locks had before they had two."""
        return _hash({**self.own, **self.rest})

    def is_same(self, kept: str) -> bool:
        """Whether the hashes of a lock are of this."""
        kept = kept.removesuffix(MOVED)
        return kept == str(self) if "-" in kept else kept == self.former

    def is_same_recipe(self, kept: str) -> bool:
        """Whether the hashes of a lock are of the same names and limits, whatever else moved."""
        own, dash, _ = kept.removesuffix(MOVED).partition("-")
        return own == _hash(self.own) if dash else kept == self.former


def _hash(data: Mapping[str, Any]) -> str:
    return sha256(canonical(data))[:16]


def unlocked_line(values: Mapping[str, str], matrix: Matrix, lock: Lock) -> str:
    """Return the first release line that the lock lacks, as `axis=value`, or nothing."""
    needed = (matrix.value(axis, name) for axis, name in values.items())
    return next((it.id for it in needed if it.provider and it.id not in lock.release_lines), "")


def is_known(target: Target, matrix: Matrix, expansion: Expansion, lock: Lock) -> bool:
    """Whether the base and every release line of a target is locked."""
    is_base = expansion.base_of(target).id in lock.bases
    return is_base and not unlocked_line(target.variant.values, matrix, lock)


class PackageRequests:
    """Answers for one catalog and one lock of bases and lines; layers come as they are locked."""

    def __init__(self, *, catalog: Catalog, expansion: Expansion, lock: Lock) -> None:
        self._catalog = catalog
        self._expansion = expansion
        self._lock = lock

    def names(self, target: Target) -> Mapping[str, tuple[str, ...]]:
        """The packages that the recipe of a target names, by ecosystem."""
        where = build_variables(target, self._catalog.matrix, self._lock.versions)
        return packages_of(self._catalog.recipes[target.recipe], where)

    def can_lock(self, target: Target) -> bool:
        """Whether the base and every line of a target is locked."""
        return is_known(target, self._catalog.matrix, self._expansion, self._lock)

    def asked(self, target: Target, layers: Mapping[str, PackageSet]) -> Asked:
        """Return all that the packages of a target are chosen for.

        Its hash is in every lock: other keys here would have every package chosen again.
        """
        below = self.below(target, layers)
        return Asked(
            own={"names": self.names(target), "limits": self.limits(target)},
            rest={
                "lines": {
                    line: self._lock.versions.get(line, "") for line in target.variant.value_ids
                },
                "below": {ecosystem: sorted(items) for ecosystem, (items, _) in below.items()},
            },
        )

    def below(
        self, target: Target, layers: Mapping[str, PackageSet]
    ) -> dict[str, tuple[dict[str, LockedPackage], dict[str, str]]]:
        """The packages of a target's ancestors by ecosystem, and the id of who has each."""
        found: dict[str, tuple[dict[str, LockedPackage], dict[str, str]]] = {}
        for ancestor in self._expansion.lineage(target)[:-1]:
            if ancestor.id in layers:
                for ecosystem, items in layers[ancestor.id].packages.items():
                    packages, owners = found.setdefault(ecosystem, ({}, {}))
                    packages |= items
                    owners |= dict.fromkeys(items, ancestor.id)
        return found

    def moved(self, target: Target, layers: Mapping[str, PackageSet], before: Lock) -> set[str]:
        """The ecosystems of which a target stands on other versions than it did `before`.

        That is apt too where its base has other content.
        """
        old = self.below(target, before.package_sets)
        found = set()
        for ecosystem, (packages, _) in self.below(target, layers).items():
            known = old.get(ecosystem, ({}, {}))[0]
            if any(name in known and known[name].version != it.version
                   for name, it in packages.items()):  # fmt: skip
                found.add(ecosystem)
        base = self._expansion.base_of(target).id
        if base in before.bases and before.bases[base].content != self._lock.base(base).content:
            found.add("apt")
        return found

    def limits(self, target: Target) -> dict[str, dict[str, str]]:
        """What is held for a target or its ancestors, by ecosystem and package."""
        found: dict[str, dict[str, str]] = {}
        for one in self._expansion.lineage(target):
            pin = self._catalog.matrix.images[one.variant.image].pin
            for ecosystem, items in (pin.packages if pin else {}).items():
                found.setdefault(ecosystem, {}).update(items)
        return found

    def request(
        self,
        target: Target,
        ecosystem: str,
        layers: Mapping[str, PackageSet],
        *,
        own: Mapping[str, Mapping[str, LockedPackage]],
        keep: Mapping[str, LockedPackage] | None = None,
        held: Mapping[str, LockedPackage] | None = None,
    ) -> PackageRequest:
        """What is asked of an ecosystem; `own` is what the target has of others already."""
        below = self.below(target, layers)
        packages, owners = below.get(ecosystem, ({}, {}))
        apt = (below.get("apt", ({}, {}))[0], own.get("apt", {}))
        return PackageRequest(
            target=target,
            base=(base := self._expansion.base_of(target)),
            lock=self._lock.base(base.id),
            names=tuple(self.names(target).get(ecosystem, ())),
            below=packages,
            owners=owners,
            limits=self.limits(target).get(ecosystem, {}),
            keep=keep or {},
            held=held or {},
            lines=tuple(self._lines(target)),
            python=self._language(target, "python", "python3", apt),
            r=self._language(target, "r", "r-base-core", apt),
            julia=self._language(target, "julia", "julia", apt),
            archives=tuple(self._archives(target, ecosystem)),
        )

    def _lines(self, target: Target) -> Iterator[tuple[str, ReleaseLineRequest]]:
        matrix, base = self._catalog.matrix, self._expansion.base_of(target)
        for one in self._expansion.lineage(target):
            for axis, name in own_values(one, self._expansion).items():
                value = matrix.value(axis, name)
                provider = value.provider or ""
                options = self._catalog.recipes[one.recipe].provides.get(axis, {}).get(provider)
                if options is not None:
                    yield (
                        provider,
                        ReleaseLineRequest(
                            line=value.upstream, base=base, lock=self._lock.bases[base.id],
                            options=options, axis=axis,
                        ),
                    )  # fmt: skip

    def _archives(self, target: Target, ecosystem: str) -> Iterator[RemoteFile]:
        """Packages of Debian that a line of the target comes as; the Julia that its are for."""
        values, end = {
            "apt": (own_values(target, self._expansion), ".deb"),
            "julia": ({"julia": target.variant.values.get("julia", "")}, ".tar.gz"),
        }.get(ecosystem, ({}, ""))
        base = self._expansion.base_of(target).id
        for axis, name in values.items():
            line = self._lock.release_lines.get(ValueId.of(axis, name))
            for file in line.files.get(base, ()) if line else ():
                if file.name.endswith(end):
                    yield file

    def _language(
        self, target: Target, axis: str, package: str, apt: Sequence[Mapping[str, LockedPackage]]
    ) -> str:
        """The exact version of a target's language: of its line, or of Debian's package."""
        if line := self._lock.versions.get(ValueId.of(axis, target.variant.values.get(axis, ""))):
            return line
        for packages in reversed(apt):
            if package in packages and (match := _VERSION.match(packages[package].version)):
                return match[1]
        return ""
