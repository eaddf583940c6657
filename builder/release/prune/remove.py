"""Removes garbage: chart versions, images, what is said of them, records, images of an engine.

What is offered is changed by a release alone, so where versions of charts leave the index, that is
a new release. Then garbage goes, and the records that named it last: a run that is cut short left
whole everything that stays, and the next one finds the rest by the same records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from builder.common.errors import ConflictError
from builder.engines.interfaces import LocalImages
from builder.oci.reference import parse as parse_reference
from builder.registry import release_record
from builder.registry.interfaces import Registry
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
        self, garbage: Garbage, index: Callable[[], object], note: Callable[[str], object]
    ) -> int:
        """Remove it; how many tags of what stays went too. `index` writes that of the charts.

        Raises ConflictError where another run releases meanwhile, StepError.
        """
        self._check(garbage.mark)
        mark = self._retire(garbage, note) if garbage.made else garbage.mark
        index()
        for removal in garbage.removals:
            self._check(mark)
            self._try_tags(removal)
            self._store.delete(removal.reference)
        tags = 0
        for tag in garbage.loose:
            if self._removes_tags.get(tag.registry):
                self._check(mark)
                tags += self._store.untag(tag)
        for name in garbage.records:
            self._check(mark)
            place = self._records.place.with_tag(name)
            if digest := self._store.digest(place):
                self._store.delete(place.at(digest))
        return tags

    def _check(self, mark: str) -> None:
        """Raise ConflictError where what is offered is not what the search saw."""
        if self._store.digest(self._records.place.with_tag(release_record.CURRENT)) != mark:
            raise ConflictError(
                "another run released meanwhile",
                hint="run it again: what stays follows from what is released",
            )

    def _retire(self, garbage: Garbage, note: Callable[[str], object]) -> str:
        """Release the same without the versions of charts that leave; the new record's digest."""
        current = garbage.current
        charts = {
            name: replace(
                chart,
                listed={
                    version: held
                    for version, held in chart.listed.items()
                    if version not in garbage.retired.get(name, ())
                },
            )
            for name, chart in current.charts.items()
        }
        record = replace(current, release=garbage.made, previous=current.release, charts=charts)
        self._records.commit(record, current, note)
        mark = self._store.digest(self._records.place.with_tag(release_record.CURRENT))
        assert mark is not None
        return mark

    def _try_tags(self, removal: Removal) -> None:
        """Learn from what goes anyway whether its registry removes one tag and no more."""
        place = removal.reference
        tags = [tag for tag in removal.tags if kind(tag, chart=False) == RELEASE]
        if place.registry in self._removes_tags or len(tags) < 2:
            return
        first, second = (place.with_tag(tag) for tag in tags[:2])
        self._removes_tags[place.registry] = (
            self._store.untag(first)
            and self._store.digest(first) is None
            and self._store.digest(second) == place.digest
        )


def unneeded(engine: LocalImages, garbage: Garbage) -> dict[str, int]:
    """The images of the catalog that an engine holds and nothing names that stays, in bytes."""
    return {
        name: size
        for name, size in engine.images().items()
        if parse_reference(name).name in garbage.repositories and name not in garbage.present
    }
