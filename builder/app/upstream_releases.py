"""What the releases of the catalogs below have for this one: the images that it can adopt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from builder.catalog import yaml_document as documents
from builder.catalog.models import Settings
from builder.common.errors import BuilderError, ConfigError, reading
from builder.common.mappings import mapping
from builder.common.source_content import content_in
from builder.common.text import count
from builder.common.version import VERSION
from builder.lock.lockfile import Lock
from builder.lock.pinned import PinnedCatalog
from builder.overlay.source_catalogs import MATRIX, CatalogFiles
from builder.plan.adoptables import Upstream, UpstreamRecord, find_adoptables, read_upstreams
from builder.plan.fingerprint import Fingerprint
from builder.plan.fingerprint_document import compare
from builder.plan.models import RegistryState, with_missing
from builder.project import Project, Workspace
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record
from builder.resolvers.ecosystems import ECOSYSTEMS


def upstreams_of(files: CatalogFiles, lock: Lock) -> tuple[Upstream, ...]:
    """Return the catalogs that the own one stands on and that matrix.lock has a release of.

    The uppermost comes first: what it has, it tested on what the own catalog stands on.
    """
    if not any(pin.record for pin in lock.upstreams.values()):
        return ()
    names = [item.name for item in reversed(files.below)]
    pins = {name: lock.upstreams[name] for name in names if name in lock.upstreams}
    return tuple(place_of(files, name, pin) for name, pin in pins.items() if pin.record)


def place_of(files: CatalogFiles, name: str, pin: PinnedCatalog) -> Upstream:
    """Return where the images of a catalog below are, with the release that is pinned."""
    settings = dict(_settings(files))[name]
    return Upstream(
        name=name,
        template=settings.repository,
        registry=pin.registry or _first_registry(settings),
        release=pin.release,
        record=pin.record,
    )


def _settings(files: CatalogFiles) -> Iterator[tuple[str, Settings]]:
    """Yield where the images of each catalog below are, the lowest first."""
    settings = Settings(name="catalog")
    for item in files.below:
        name = f"{item.label}{MATRIX}"
        with reading(name):
            document, _ = documents.load(item.text(MATRIX), name)
        said = mapping(document.data, "catalog")
        settings = replace(
            settings,
            repository=str(said.get("repository", settings.repository)),
            embedded=str(said.get("embedded", settings.embedded)),
            registries=tuple(map(str, said.get("registries") or settings.registries)),
        )
        yield item.name, settings


def _first_registry(settings: Settings) -> str:
    """Return the address of the first registry that a catalog names."""
    first = settings.registries[0]
    return settings.embedded if first == "embedded" else first


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A catalog, and which of its targets are wanted. `is_any_builders`: see `check_rendering`."""

    project: Project
    files: CatalogFiles
    lock: Lock
    fingerprints: Mapping[str, Fingerprint]
    selected: Sequence[str]
    fingerprints_of: Callable[[Project, Lock], Mapping[str, Fingerprint]]
    is_any_builders: bool = False

    def with_adoptables(self, state: RegistryState, store: Registry) -> RegistryState:
        """Return the state of the own registry with what can be adopted of what it lacks.

        Nobody is asked where it lacks nothing. Raises ConfigError as `check_rendering` does.
        """
        targets = self.project.expansion.targets
        needed = with_missing(self.selected, self.project.expansion, state.digests)
        roots = dict.fromkeys(targets[key].parent for key in needed if targets[key].is_root)
        missing = [key for key in needed if key not in state.digests]
        bases = [key for key in roots if key not in state.digests]
        if not missing and not bases:
            return state
        records = read_upstreams(store, upstreams_of(self.files, self.lock))
        if not self.is_any_builders:
            check_rendering(self.files, records, self.fingerprints, self.fingerprints_of)
        wanted = {key: self.fingerprints[key] for key in missing}
        adoptables = find_adoptables(
            store, records, fingerprints=wanted, bases=bases, lock=self.lock
        )
        return replace(state, adoptables=adoptables)


def check_rendering(
    files: CatalogFiles,
    records: Sequence[UpstreamRecord],
    fingerprints: Mapping[str, Fingerprint],
    fingerprints_of: Callable[[Project, Lock], Mapping[str, Fingerprint]],
) -> None:
    """Raise ConfigError where this builder renders a catalog below otherwise than its release did.

    Nothing could be adopted then, and all would be built. Other files or another lock than those of
    the release are no reason to stop: whoever chose them wants them built.
    """
    for item in records:
        if item.record is None or not _is_suspicious(item.record, fingerprints):
            continue
        (catalog,) = (it for it in files.below if it.name == item.upstream.name)
        if content_in(catalog.checkout) != item.record.source.content:
            continue
        try:
            below = Workspace(catalog.root).load((), ECOSYSTEMS)
            theirs = fingerprints_of(below, item.record.lock)
        except BuilderError:  # it cannot be read by itself: nobody can say what is as it was
            continue
        released = item.record.targets
        untouched = [
            key
            for key, fingerprint in fingerprints.items()
            if key in released and key in theirs and theirs[key].digest == fingerprint.digest
        ]
        other = [key for key in untouched if released[key].fingerprint != fingerprints[key].digest]
        if 2 * len(other) > len(untouched):
            raise _otherwise(files, item, other, len(untouched), fingerprints)


def _is_suspicious(record: Record, fingerprints: Mapping[str, Fingerprint]) -> bool:
    """Whether most targets that a release has too have another fingerprint there."""
    common = [key for key in fingerprints if key in record.targets]
    same = sum(record.targets[key].fingerprint == fingerprints[key].digest for key in common)
    return 2 * same < len(common)


def _otherwise(
    files: CatalogFiles,
    item: UpstreamRecord,
    other: Sequence[str],
    number: int,
    fingerprints: Mapping[str, Fingerprint],
) -> ConfigError:
    assert item.record is not None
    first, builder = other[0], item.record.source.builder
    parts = compare(item.record.targets[first].parts, fingerprints[first].parts)
    document, _ = documents.load(files.own.text(MATRIX), MATRIX)
    return ConfigError(
        f"{len(other)} of {count(number, 'image')} that nothing here changes cannot be adopted from"
        f" {item.upstream}: {first} has another {parts[0] if parts else 'fingerprint'} there; that"
        f" release was made by builder {builder}, this is {VERSION}",
        hint=f"install builder {builder}, or move to a release of yours: `builder upstream update`;"
        " --build-anyway builds them here",
        location=document.at_key(("extends",)),
        id="E-ADOPT-NONE",
    )
