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

    `keeps_indexes`: those of an earlier run are fetched again only where they changed.
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
        known: BaseLock | None,
    ) -> dict[str, Suite]:
        """Fill a root from tar archives, lowest first; the suites as they are now.

        Raises BehindError where they are older than is `known`.
        """
        root = self.root(base)
        root.prepare(archives, keeps_indexes=self._keeps_indexes)
        try:
            suites = root.update(known.suites if known else {})
        except BehindError:
            self._filled.add(base.id)  # it says so by itself from now on
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

        Where its indexes are older than the lock, files can still be fetched by their hash. What
        fails is tried once: whoever asks again gets the same error.
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

    `kept` has it where it is here; otherwise it is fetched below `folder` from `place`, where the
    catalog's registry has it, or else obtained by `fetch` from its own source, to be kept: `note`
    is told before, as that takes a minute or two and may end in vain.
    """

    def __init__(
        self,
        *,
        kept: Callable[[BaseLock], Sequence[Path]],
        fetch: Callable[[Base, BaseLock], object],
        store: Registry,
        place: Callable[[Base, BaseLock], Reference],
        folder: Path,
        note: Callable[[str], None],
    ) -> None:
        self._kept = kept
        self._fetch = fetch
        self._store = store
        self._place = place
        self._folder = folder
        self._note = note

    def of(self, base: Base, lock: BaseLock) -> Sequence[Path]:
        """Return the archives, lowest first. Raises StepError if nobody has the base any more."""
        if kept := self._kept(lock):
            return kept
        place = self._place(base, lock)
        try:
            layers = self._store.layers(place)
        except (StepError, TransientError):
            self._note(_waiting(base, lock))
            self._fetch(base, lock)
            return self._kept(lock)
        layout = self._folder / lock.content.partition(":")[2][:32]
        for layer in layers:
            if not layouts.blob(layout, layer.digest).exists():
                self._store.blob(place, layer.digest, layouts.blob(layout, layer.digest))
        return [layouts.blob(layout, layer.digest) for layer in layers]


def _waiting(base: Base, lock: BaseLock) -> str:
    """Return the error for a base that only its own source can have."""
    text = f"base {base.id}: neither here nor in a registry of the catalog; {lock.source} is asked"
    if lock.source.kind != "bootstrap":
        return text
    day = max((suite.date[:10] for suite in lock.suites.values()), default="")
    since = f" (it is locked as of {day})" if day else ""
    return (
        f"{text}{since}. Where its archive has moved on since,"
        f" `builder lock --upgrade {base.axis}={base.value}` takes it as it is now"
    )
