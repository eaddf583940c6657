"""Remove garbage: chart versions, images with their metadata, records, and images of an engine.

Only a release changes what is published, so when chart versions leave the index, that is a new
release. Then the manifests are removed, and last the records that named them: after a run that was
interrupted, everything that stays is whole, and the next run finds the rest by the same records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from builder.catalog_fetch.artefact import tag_of
from builder.common.errors import ConflictError
from builder.engines.interfaces import LocalImages
from builder.oci.reference import parse as parse_reference
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record
from builder.release.commit import Records
from builder.release.prune.classify import Removal
from builder.release.prune.retention import RELEASE, kind
from builder.release.prune.search import Garbage


class Prune:
    """Removes what a search found."""

    def __init__(self, *, store: Registry, records: Records) -> None:
        self._store = store
        self._records = records
        self._removes_tags: dict[str, bool] = {}  # by registry

    def carry_out(
        self, garbage: Garbage, index: Callable[[Record], object], note: Callable[[str], object]
    ) -> int:
        """Remove garbage; return how many tags of manifests that stay were removed too.

        `index` writes the index of charts from the current record. Raises StepError, or
        ConflictError if another run releases meanwhile.
        """
        current, current_digest = garbage.current, garbage.current_digest
        self._check(current_digest)
        if garbage.new_release:
            current, current_digest = self._retire(garbage, note)
        index(current)
        for removal in garbage.removals:
            self._check(current_digest)
            self._try_tags(removal)
            self._store.delete(removal.reference)
        tags = 0
        for tag in garbage.stale_tags:
            if self._removes_tags.get(tag.registry):
                self._check(current_digest)
                tags += self._store.untag(tag)
        for name in garbage.records:
            self._check(current_digest)
            for named in (tag_of(name), name):
                reference = self._records.repository.with_tag(named)
                if digest := self._store.digest(reference):
                    self._store.delete(reference.at(digest))
        return tags

    def _check(self, current_digest: str) -> None:
        """Raise ConflictError if the current record is not the one that the search read."""
        current = self._records.repository.with_tag(release_record.CURRENT)
        if self._store.digest(current) != current_digest:
            raise ConflictError(
                "another run released meanwhile",
                hint="run it again: what stays follows from what is released",
            )

    def _retire(self, garbage: Garbage, note: Callable[[str], object]) -> tuple[Record, str]:
        """Release the current content without the retired chart versions.

        Returns the new record and its digest.
        """
        current = garbage.current
        charts = {
            name: replace(
                chart,
                listed={
                    version: package
                    for version, package in chart.listed.items()
                    if version not in garbage.retired.get(name, ())
                },
            )
            for name, chart in current.charts.items()
        }
        record = replace(
            current, release=garbage.new_release, previous=current.release, charts=charts
        )
        record = self._records.commit(record, current, note)
        digest = self._store.digest(self._records.repository.with_tag(release_record.CURRENT))
        assert digest is not None
        return record, digest

    def _try_tags(self, removal: Removal) -> None:
        """Find out, on a manifest to remove, whether its registry can remove a single tag."""
        manifest = removal.reference
        tags = [tag for tag in removal.tags if kind(tag, chart=False) == RELEASE]
        if manifest.registry in self._removes_tags or len(tags) < 2:
            return
        first, second = (manifest.with_tag(tag) for tag in tags[:2])
        self._removes_tags[manifest.registry] = (
            self._store.untag(first)
            and self._store.digest(first) is None
            and self._store.digest(second) == manifest.digest
        )


def unneeded(engine: LocalImages, garbage: Garbage) -> dict[str, int]:
    """Return the size of each image of the catalog in an engine whose manifest does not stay."""
    return {
        name: size
        for name, size in engine.images().items()
        if parse_reference(name).name in garbage.repositories and name not in garbage.present
    }
