"""The releases of a catalog, and what is known of their images: records and evidence, read.

No image is pulled, and no container started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from builder.build import attestation
from builder.build.attestation import StoredMetadata
from builder.catalog.models import Catalog
from builder.common.errors import SelectionError
from builder.common.parallel import in_parallel
from builder.common.text import did_you_mean
from builder.diff.changes import Image
from builder.diff.compare import Difference, Side, compare
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedTarget
from builder.release.commit import Records


class History:
    """Reads each record and each evidence once. For any number of threads."""

    def __init__(self, *, catalog: Catalog, store: Registry) -> None:
        self._matrix = catalog.matrix
        self._store = store
        self._records = Records(catalog=catalog, store=store)
        self._read: dict[str, Record | None] = {}
        self._said: dict[str, StoredMetadata] = {}

    @property
    def releases(self) -> tuple[str, ...]:
        """The names of all releases that the registry holds, the oldest first."""
        return self._records.names()

    def record(self, name: str) -> Record:
        """The record of a release; `current` is one too. Raises SelectionError."""
        found = self._record(name)
        if found is not None:
            return found
        if not self.releases:
            raise SelectionError("there is no release yet", hint="run `builder weekly`")
        raise SelectionError(f"there is no release {name}", hint=did_you_mean(name, self.releases))

    def back(self, start: Record) -> Iterator[Record]:
        """A record and those before it, for as long as the registry has them."""
        found: Record | None = start
        while found is not None:
            yield found
            found = self._record(found.previous) if found.previous else None

    def _record(self, name: str) -> Record | None:
        if name not in self._read:
            self._read[name] = self._records.named(name)
        return self._read[name]

    def place(self, target: ReleasedTarget) -> Reference:
        """The repository of an image, in the first registry."""
        return parse_reference(self._matrix.repository_of(target.image))

    def said(self, target: ReleasedTarget) -> StoredMetadata:
        """What evidence says of a target."""
        if target.fingerprint not in self._said:
            place = self.place(target).with_tag(target.tag)
            self._said[target.fingerprint] = attestation.read(self._store, place)
        return self._said[target.fingerprint]

    def prepare(self, targets: Mapping[str, ReleasedTarget]) -> None:
        """Read what is said of many, several at once."""
        in_parallel(self.said, targets.values())

    def image(self, target: ReleasedTarget) -> Image:
        """All that is known of a target."""
        digest, place = target.digest, self.place(target)
        return replace(
            _outline(target),
            packages=self.said(target).packages,
            config=self._store.configs(place.at(digest)).get(digest),
        )

    def compare(self, old: Record, new: Record) -> Difference:
        """What changed between two releases. Only of images that differ more is read."""
        rebuilt = [
            key
            for key, target in new.targets.items()
            if key in old.targets and old.targets[key].digest != target.digest
        ]
        return compare(*(self._side(record, rebuilt) for record in (old, new)))

    def _side(self, record: Record, rebuilt: list[str]) -> Side:
        known = in_parallel(self.image, [record.targets[key] for key in rebuilt])
        outlines = {key: _outline(target) for key, target in record.targets.items()}
        return Side(
            name=record.release,
            noun="target",
            images={**outlines, **dict(zip(rebuilt, known, strict=True))},
            lock=record.lock,
            charts={name: chart.version for name, chart in record.charts.items()},
        )


def _outline(target: ReleasedTarget) -> Image:
    """What the record itself says."""
    return Image(name=target.image, digest=target.digest, size=target.size, chain=target.chain)
