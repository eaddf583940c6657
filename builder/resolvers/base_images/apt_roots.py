"""apt's private roots, one for each base, filled from what the base is locked to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from builder.catalog.models import Base, Network
from builder.catalog.packages import Suite
from builder.common.errors import BuilderError, StepError, TransientError
from builder.common.process import Runner
from builder.lock.lockfile import BaseLock
from builder.oci import layout as layouts
from builder.oci.reference import Reference
from builder.registry.interfaces import Registry
from builder.resolvers.apt.root import AptRoot, BehindError
from builder.resolvers.base_images.bootstrap import architecture


class AptRoots:
    """The roots of one run, below `folder`: each is filled once.

    `keeps_indexes`: indexes of an earlier run are fetched again only if they changed.
    """

    def __init__(
        self, *, runner: Runner, network: Network, folder: Path, keeps_indexes: bool = False
    ) -> None:
        self._runner = runner
        self._network = network
        self._folder = folder
        self._keeps_indexes = keeps_indexes
        self._guard = threading.Lock()
        self._turns: dict[str, threading.RLock] = {}
        self._roots: dict[str, AptRoot] = {}
        self._filled: set[str] = set()
        self._failures: dict[str, BuilderError] = {}

    def root(self, base: Base) -> AptRoot:
        """Return the root of a base, filled or not."""
        with self._guard:
            if base.id not in self._roots:
                self._turns[base.id] = threading.RLock()
                self._roots[base.id] = AptRoot(
                    folder=self._folder / base.slug,
                    architecture=architecture(base),
                    runner=self._runner,
                    network=self._network,
                )
            return self._roots[base.id]

    def ready(self, base: Base) -> AptRoot | None:
        """Return the root of a base if this run has filled it."""
        return self._roots[base.id] if base.id in self._filled else None

    def fill(
        self,
        base: Base,
        archives: Iterable[Path],
        previous: BaseLock | None,
    ) -> dict[str, Suite]:
        """Fill a root from tar archives, lowest first, and return its current suites.

        Raises BehindError if they are older than in `previous`.
        """
        root = self.root(base)
        root.prepare(archives, keeps_indexes=self._keeps_indexes)
        try:
            suites = root.update(previous.suites if previous else {})
        except BehindError:
            self._filled.add(base.id)  # every question to the root raises the error from now on
            raise
        self._filled.add(base.id)
        return suites

    def filled(
        self,
        base: Base,
        lock: BaseLock,
        *,
        archives: Callable[[Base, BaseLock], Iterable[Path]],
    ) -> AptRoot:
        """Return the root of a locked base; `archives` is called if it is not filled yet.

        If its indexes are older than the lock, files can still be fetched by their hash. A failure
        is not tried again: later calls raise the same error.
        """
        root = self.root(base)
        with self._turns[base.id]:
            if base.id in self._failures:
                raise self._failures[base.id]
            if base.id not in self._filled:
                try:
                    self.fill(base, archives(base, lock), lock)
                except BehindError:
                    pass
                except BuilderError as error:
                    self._failures[base.id] = error
                    raise
        return root


class BaseArchives:
    """The content of locked bases as tar archives.

    `cached` returns them if they are on this machine. Otherwise they are downloaded to `folder`
    from `reference`, where the catalog's registry has the base, or else `fetch` gets it from its
    own source; `note` is called before, as that takes a minute or two and may fail.
    """

    def __init__(
        self,
        *,
        cached: Callable[[BaseLock], Sequence[Path]],
        fetch: Callable[[Base, BaseLock], object],
        store: Registry,
        reference: Callable[[Base, BaseLock], Reference],
        folder: Path,
        note: Callable[[str], None],
    ) -> None:
        self._cached = cached
        self._fetch = fetch
        self._store = store
        self._reference = reference
        self._folder = folder
        self._note = note

    def of(self, base: Base, lock: BaseLock) -> Sequence[Path]:
        """Return the archives, lowest first. Raises StepError if nobody has the base any more."""
        if archives := self._cached(lock):
            return archives
        reference = self._reference(base, lock)
        try:
            layers = self._store.layers(reference)
        except (StepError, TransientError):
            self._note(_waiting(base, lock))
            self._fetch(base, lock)
            return self._cached(lock)
        layout = self._folder / lock.content.partition(":")[2][:32]
        for layer in layers:
            if not layouts.blob(layout, layer.digest).exists():
                self._store.blob(reference, layer, layouts.blob(layout, layer.digest))
        return [layouts.blob(layout, layer.digest) for layer in layers]


def _waiting(base: Base, lock: BaseLock) -> str:
    """Return the message for a base that must be fetched from its own source."""
    text = f"base {base.id}: neither here nor in the catalog's registry; asking {lock.source}"
    if lock.source.kind != "bootstrap":
        return text
    day = max((suite.date[:10] for suite in lock.suites.values()), default="")
    since = f" (locked as of {day})" if day else ""
    return (
        f"{text}{since}. If its archive has changed since then, run"
        f" `builder lock --upgrade {base.axis}={base.value}` to lock the current content"
    )
