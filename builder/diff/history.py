"""Read the releases of a catalog, and the metadata of their images.

No image is pulled, and no container is started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from builder.catalog.models import Catalog
from builder.common.errors import SelectionError
from builder.common.parallel import in_parallel
from builder.common.text import did_you_mean
from builder.diff.changes import Image
from builder.diff.compare import Difference, Side, compare
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan import image_metadata
from builder.plan.image_metadata import StoredMetadata
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedTarget
from builder.release.commit import Records


class History:
    """Reads each record and the metadata of each image once. Safe for any number of threads."""

    def __init__(self, *, catalog: Catalog, store: Registry) -> None:
        self._matrix = catalog.matrix
        self._store = store
        self._records = Records(catalog=catalog, store=store)
        self._read: dict[str, Record | None] = {}
        self._metadata: dict[str, StoredMetadata] = {}

    @property
    def releases(self) -> tuple[str, ...]:
        """Return the names of all releases in the registry, the oldest first."""
        return self._records.names()

    def record(self, name: str) -> Record:
        """Return the record of a release, or of `current`. Raises SelectionError."""
        record = self._record(name)
        if record is not None:
            return record
        if not self.releases:
            raise SelectionError("there is no release yet", hint="run `builder weekly`")
        raise SelectionError(f"there is no release {name}", hint=did_you_mean(name, self.releases))

    def back(self, start: Record) -> Iterator[Record]:
        """Yield a record and those before it, for as long as the registry has them."""
        record: Record | None = start
        while record is not None:
            yield record
            record = self._record(record.previous) if record.previous else None

    def _record(self, name: str) -> Record | None:
        if name not in self._read:
            self._read[name] = record = self._records.named(name)
            if record is not None:  # the record of `current` is that of its name too
                self._read[record.release] = record
        return self._read[name]

    def repository(self, target: ReleasedTarget) -> Reference:
        """Return the repository of an image, in the first registry."""
        return parse_reference(self._matrix.repository_of(target.image))

    def metadata(self, target: ReleasedTarget) -> StoredMetadata:
        """Return the metadata of a target's image."""
        if target.fingerprint not in self._metadata:
            image = self.repository(target).with_tag(target.tag)
            self._metadata[target.fingerprint] = image_metadata.read(self._store, image)
        return self._metadata[target.fingerprint]

    def prepare(self, targets: Mapping[str, ReleasedTarget]) -> None:
        """Read the metadata of many targets, several at once."""
        in_parallel(self.metadata, targets.values())

    def image(self, target: ReleasedTarget) -> Image:
        """Return the image of a target, with its packages and configuration."""
        manifest = self.repository(target).at(target.digest)
        return replace(
            _outline(target),
            packages=self.metadata(target).packages,
            config=self._store.configs(manifest).get(target.digest),
        )

    def compare(self, old: Record, new: Record) -> Difference:
        """Return what differs between two releases. Only images that differ are read."""
        rebuilt = [
            key
            for key, target in new.targets.items()
            if key in old.targets and old.targets[key].digest != target.digest
        ]
        return compare(*(self._side(record, rebuilt) for record in (old, new)))

    def _side(self, record: Record, rebuilt: list[str]) -> Side:
        images = in_parallel(self.image, [record.targets[key] for key in rebuilt])
        outlines = {key: _outline(target) for key, target in record.targets.items()}
        return Side(
            name=record.release,
            noun="target",
            images={**outlines, **dict(zip(rebuilt, images, strict=True))},
            lock=record.lock,
            charts={name: chart.version for name, chart in record.charts.items()},
        )


def _outline(target: ReleasedTarget) -> Image:
    """Return the image of a target as far as its release record describes it."""
    return Image(
        name=target.image,
        digest=target.digest,
        size=target.size,
        shares=target.shares,
        adopted=str(target.adopted or ""),
    )
