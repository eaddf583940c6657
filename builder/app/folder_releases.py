"""Finds the releases that were made from the folders that a catalog stands on.

A folder is read as it is, so that matrix.lock only says which release has its images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from builder.app.upstream_releases import place_of
from builder.catalog.policies import FOLLOW_RELEASES, Extends
from builder.common.errors import BuilderError
from builder.lock.lockfile import Lock
from builder.lock.pinned import PinnedCatalog
from builder.lock.problems import Problem
from builder.oci.reference import Reference
from builder.overlay.extends import pin_of_folder
from builder.overlay.source_catalogs import CatalogFiles, SourceCatalog
from builder.plan.registry_state import read_record
from builder.project import Project
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record

Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class FolderReleases:
    """Looks up releases. `store` returns the registries, where they are needed."""

    project: Project
    store: Callable[[], Registry]
    note: Note

    def pinned(self, lock: Lock) -> tuple[Lock, tuple[Problem, ...]]:
        """Return a lock that says of each folder with a `registry` which release has its images.

        One whose registry does not answer keeps what the lock has of it.
        """
        files = self.project.workspace().files
        pins, problems = dict(lock.upstreams), list[Problem]()
        for extends, catalog in _folders(self.project, files):
            before = pins.get(catalog.name)
            pin = pin_of_folder(catalog, extends)
            try:
                pins[catalog.name] = self._with_release(pin, catalog, extends, files)
            except BuilderError as error:
                keeps = before is not None and before.content == pin.content
                pins[catalog.name] = before if before and keeps else pin
                subject = f"catalog {catalog.name}"
                problems.append(Problem(subject=subject, error=error, keeps=keeps))
                self.note(f"{subject}: its releases are not known: {problems[-1].reason}")
        return replace(lock, upstreams=pins), tuple(problems)

    def _with_release(
        self, pin: PinnedCatalog, catalog: SourceCatalog, extends: Extends, files: CatalogFiles
    ) -> PinnedCatalog:
        """Return a pin with the newest release that was made from its content.

        With `follow: commits` it is the newest of all: what it has of the content is adopted.
        """
        place = place_of(files, catalog.name, pin)
        releases = place.repository(release_record.REPOSITORY)
        for digest, record in self._records(releases):
            if extends.follow != FOLLOW_RELEASES or record.source.content == pin.content:
                self.note(f"catalog {catalog.name}: images of its release {record.release}")
                return replace(
                    pin,
                    release=record.release,
                    record=digest,
                    builder=record.source.builder,
                    date=record.day,
                )
        self.note(
            f"catalog {catalog.name}: no release in {releases} was made from what it has now, so"
            " nothing of it is adopted"
        )
        return pin

    def _records(self, repository: Reference) -> Iterator[tuple[str, Record]]:
        """Yield the digests and the records of releases, the newest first."""
        store = self.store()
        names = filter(release_record.is_name, store.tags(repository.name))
        for name in sorted(names, key=release_record.order, reverse=True):
            digest = store.digest(repository.with_tag(name))
            record = read_record(store, repository.at(digest)) if digest else None
            if digest and record:
                yield digest, record


def _folders(project: Project, files: CatalogFiles) -> Iterator[tuple[Extends, SourceCatalog]]:
    """Yield the folders that the own catalog stands on and that say where their images are."""
    by_root = {item.root.resolve(): item for item in files.below}
    for extends in project.catalog.matrix.extends:
        folder = (files.own.root / extends.path).resolve()
        if not extends.is_pinned and extends.registry and folder in by_root:
            yield extends, by_root[folder]
