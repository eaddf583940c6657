"""What the locker needs of providers of bases and release lines, and of resolvers of packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from builder.catalog.models import Base, RemoteFile, Source, Target
from builder.catalog.packages import LockedPackage
from builder.common.errors import StepError
from builder.lock.lockfile import BaseLock


class BaseLocker(Protocol):
    """Says what bases are now."""

    def lock(
        self, base: Base, sources: Sequence[Source], held: BaseLock | None, today: str
    ) -> BaseLock:
        """Choose a source and identify its content; `held` is kept where it still stands."""


class AncestorError(StepError):
    """A target needs packages of its ancestors in other versions than they are locked in.

    `owners` maps the ids of those ancestors to the names of the packages.
    """

    def __init__(self, message: str, *, hint: str, owners: Mapping[str, frozenset[str]]) -> None:
        super().__init__(message, hint=hint)
        self.owners = owners


@dataclass(frozen=True, kw_only=True)
class PackageRequest:
    """What a target adds of one ecosystem, as its recipe names it.

    `below` are the packages of that ecosystem that its ancestors have, who are their `owners` (by
    package, the id of a target): they stay as they are.
    `limits` are what a package may be at most, or at least, as the ecosystem writes it; `keep` are
    packages that should stay where they can, `held` are what the lock has of the target. `lines`
    are those of the target's lineage, with the names of their providers. `python`, `r` and `julia`
    are the exact versions that packages of each are for, "" where the target has none. `archives`
    are files that lines of the target come as, which are packages of the ecosystem, or bring some.
    """

    target: Target
    base: Base
    lock: BaseLock
    names: tuple[str, ...]
    below: Mapping[str, LockedPackage] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, LockedPackage] = field(default_factory=dict)
    held: Mapping[str, LockedPackage] = field(default_factory=dict)
    lines: tuple[tuple[str, ReleaseLineRequest], ...] = ()
    python: str = ""
    r: str = ""
    julia: str = ""
    archives: tuple[RemoteFile, ...] = ()


class PackageResolver(Protocol):
    """The packages of one ecosystem: chosen for the lock, and fetched as the lock has them."""

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """What is installed, direct and transitive. Raises StepError, UnreachableError."""

    def is_newest(self, request: PackageRequest, held: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `held` has a newer candidate; False where that takes solving."""

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """The files of packages on this machine, checked, by package. As `resolve` it raises."""


class BaseProvider(Protocol):
    """Gets the content of bases."""

    def layout(self, base: Base, lock: BaseLock) -> Path:
        """An OCI layout of exactly what `lock` names. Raises StepError, never falls back."""


@dataclass(frozen=True, kw_only=True)
class ReleaseLineRequest:
    """A line that is asked for, for what stands on a base.

    `line` is as the provider knows it, e.g. 3.13; `options` are what the recipe says beside. `axis`
    is the line's own; `axes` are all those of the target that needs it, to their lines.
    """

    line: str
    base: Base
    lock: BaseLock
    options: Mapping[str, str] = field(default_factory=dict)
    axis: str = ""
    axes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ExactVersion:
    """What a line is now: the exact version, and the files that it comes in, if any."""

    version: str
    files: tuple[RemoteFile, ...] = ()


class Provider(Protocol):
    """Where a line of an axis comes from. Both raise UnreachableError where it cannot be asked."""

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """The exact versions that there are for the base, newest first. No pre-releases."""

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """The newest version of a line. Raises StepError where there is none."""


class RemoteFiles(Protocol):
    """Gets files of the network, and keeps them by their hash."""

    def file(self, file: RemoteFile) -> Path:
        """Where its content is on this machine, checked. Raises StepError, UnreachableError."""
