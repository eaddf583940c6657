"""What an app needs of adapters that no interface of a package below says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from builder.common.errors import BuilderError
from builder.lock.interfaces import BaseLocker, BaseProvider
from builder.lock.lockfile import Lock
from builder.registry.credentials import WriteAccess


class BaseSource(BaseLocker, BaseProvider, Protocol):
    """Locks base images, and gets what is locked."""


class PackageChecker(Protocol):
    """Knows why packages could not be chosen."""

    def check(self, lock: Lock, targets: Sequence[str]) -> Mapping[str, Sequence[BuilderError]]:
        """Return what `targets` (ids) lack, by the id of each."""


class Served(Protocol):
    """A registry that runs on this machine while it is needed."""

    def serve(self, *, deletes: bool = False) -> AbstractContextManager[None]:
        """Serve for as long as the context lasts. Raises ConflictError, ToolError.

        `deletes` says that what was written may be deleted meanwhile.
        """

    def write_access(self, registry: str) -> WriteAccess | None:
        """Return where and how it takes what is written; None if `registry` is another one."""
