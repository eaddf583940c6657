"""The protocols of base lockers, release line providers and package resolvers."""

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
    """Finds the current content of base images."""

    def lock(
        self, base: Base, sources: Sequence[Source], previous: BaseLock | None, today: str
    ) -> BaseLock:
        """Choose a source and identify its content; `previous` is kept if it is still valid."""


class AncestorError(StepError):
    """A target needs packages of its ancestors in other versions than they are locked in.

    `owners` maps the ids of those ancestors to the names of the packages.
    """

    def __init__(self, message: str, *, hint: str, owners: Mapping[str, frozenset[str]]) -> None:
        super().__init__(message, hint=hint)
        self.owners = owners


@dataclass(frozen=True, kw_only=True)
class PackageRequest:
    """The packages that a target adds of one ecosystem; `names` are written as in its recipe.

    `inherited` are the packages of that ecosystem that its ancestors have, which stay as they are;
    `introduced_by` has the id of the ancestor that brought each. `constraints` are limits of
    versions by package, as the ecosystem writes them; `preferred` are packages that should stay if
    they can; `locked` are those that the lock has of the target. `release_lines` are those of the
    target and its ancestors, each with the name of its provider. `languages` maps an axis to the
    exact version that packages are for. `archives` are files of release lines that are packages of
    the ecosystem, or have some in them. `not_after`: no version that was published later is taken,
    but one that is locked; it is in UTC and ISO 8601, "" for no limit.
    """

    target: Target
    base: Base
    lock: BaseLock
    names: tuple[str, ...]
    inherited: Mapping[str, LockedPackage] = field(default_factory=dict)
    introduced_by: Mapping[str, str] = field(default_factory=dict)
    constraints: Mapping[str, str] = field(default_factory=dict)
    preferred: Mapping[str, LockedPackage] = field(default_factory=dict)
    locked: Mapping[str, LockedPackage] = field(default_factory=dict)
    release_lines: tuple[tuple[str, ReleaseLineRequest], ...] = ()
    languages: Mapping[str, str] = field(default_factory=dict)
    archives: tuple[RemoteFile, ...] = ()
    not_after: str = ""

    def language(self, axis: str) -> str:
        """Return the exact version of a language; "" if the target has none."""
        return self.languages.get(axis, "")


class PackageResolver(Protocol):
    """Chooses packages of one ecosystem for the lock, and fetches them as the lock has them."""

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive.

        Raises NoPackageError with the name that the recipe has, StepError, UnreachableError.
        """

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate; False if that takes solving."""

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked, by package.

        Raises StepError, UnreachableError.
        """


class BaseProvider(Protocol):
    """Gets the content of bases."""

    def layout(self, base: Base, lock: BaseLock) -> Path:
        """Return an OCI layout of exactly what `lock` names. Raises StepError, never falls back."""


@dataclass(frozen=True, kw_only=True)
class ReleaseLineRequest:
    """A release line to resolve for targets on a base.

    `line` is its name for the provider, e.g. 3.13; `options` are those that the recipe gives.
    `axis` is that of the release line; `axes` maps each axis of the target to its release line.
    `not_after`: as in PackageRequest.
    """

    line: str
    base: Base
    lock: BaseLock
    options: Mapping[str, str] = field(default_factory=dict)
    axis: str = ""
    axes: Mapping[str, str] = field(default_factory=dict)
    not_after: str = ""


@dataclass(frozen=True, kw_only=True)
class ExactVersion:
    """The exact version of a release line, and the files that it comes in, if any."""

    version: str
    files: tuple[RemoteFile, ...] = ()


class Provider(Protocol):
    """Finds versions of release lines. Both methods raise UnreachableError."""

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """Return the exact versions for the base, newest first, without pre-releases."""

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """Return the newest version of a release line. Raises StepError if there is none."""


class RemoteFiles(Protocol):
    """Downloads files, and keeps them by their hash."""

    def file(self, file: RemoteFile) -> Path:
        """Return where its content is here, checked. Raises StepError, UnreachableError."""
