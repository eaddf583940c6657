"""The package indexes of locked base images: fetched, and compared with what the images have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from builder.catalog.models import Base
from builder.common.state_dir import StateDir
from builder.lock.lockfile import BaseLock, Lock
from builder.resolvers.apt.root import AptRoot
from builder.resolvers.apt.solver import AptSolver
from builder.resolvers.base_images.provider import cached_archives
from builder.resolvers.base_images.upstream import UpstreamImages


class BaseIndexes(Protocol):
    """Says what the package indexes of base images have now."""

    def refresh(self, base: Base, lock: BaseLock) -> None:
        """Fetch the indexes for a locked base image. Raises GoneError if its content is gone."""

    def newer(self, base: Base, lock: BaseLock) -> tuple[str, ...]:
        """Return what the indexes have newer than a base image: `name old → new`."""

    def has_bases(self, lock: Lock) -> bool:
        """Whether the content of every locked base is here, so that no registry is asked."""


class AptIndexes:
    """The indexes of apt, and the tags of `upstream` where a base is an image that is mirrored.

    `prepare` gives apt's root of a locked base image, up to date.
    """

    def __init__(
        self,
        *,
        prepare: Callable[[Base, BaseLock], AptRoot],
        state: StateDir,
        upstream: UpstreamImages,
    ) -> None:
        self._prepare = prepare
        self._state = state
        self._upstream = upstream

    def refresh(self, base: Base, lock: BaseLock) -> None:
        """Fetch the indexes of the archives of a base."""
        if lock.source.kind != "image":
            self._prepare(base, lock)

    def newer(self, base: Base, lock: BaseLock) -> tuple[str, ...]:
        """Return the packages of a base that have a newer version, for people."""
        if lock.source.kind == "image":
            return self._upstream.newer(base, lock)
        return AptSolver(self._prepare(base, lock)).newer()

    def has_bases(self, lock: Lock) -> bool:
        """Whether this machine has the content of every locked base."""
        kept = (base for base in lock.bases.values() if base.source.kind != "image")
        return all(cached_archives(self._state, base) for base in kept)
