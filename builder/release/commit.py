"""Read release records, and commit a new one.

A release is published in this order: its record, the tag `current` (the one commit point), then
all other tags. Before the commit point nothing changes for anybody who pulls. What comes after it
follows from the record, so any later run can finish it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from builder.build.image_push import copy_beside
from builder.catalog.models import Catalog
from builder.common.errors import ConflictError, StepError, TransientError, raise_all
from builder.common.parallel import in_parallel
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.registry_state import believed_record, releases_reference
from builder.registry import release_record
from builder.registry.interfaces import Artifact, Blob, Registry
from builder.registry.release_record import Record
from builder.trust.seals import PLAIN, RECORD, Seals

IMMUTABLE, ROLLING = "immutable", "rolling"


class TagUpdate(NamedTuple):
    """A tag, and the manifest that it is to name. `kind` is IMMUTABLE or ROLLING.

    Where the manifest is an index, `manifests` are the digests in it, by platform.
    """

    source: Reference
    tag: Reference
    kind: str
    manifests: Mapping[str, str] = {}


class Records:
    """The release records of a catalog, and the tags that follow from the current one."""

    def __init__(self, *, catalog: Catalog, store: Registry, trust: Seals = PLAIN) -> None:
        self._trust = trust
        self._catalog = catalog
        self._store = store
        self._repository = releases_reference(catalog)

    @property
    def repository(self) -> Reference:
        """Return the repository of the records."""
        return self._repository

    def names(self) -> tuple[str, ...]:
        """Return the names of all releases, the oldest first."""
        tags = filter(release_record.is_name, self._store.tags(self._repository.name))
        return tuple(sorted(tags, key=release_record.order))

    def named(self, name: str) -> Record | None:
        """Return the record of a release, or None if there is none."""
        return believed_record(self._store, self._repository.with_tag(name), self._trust)

    def current(self) -> Record | None:
        """Return the record of the current release, or None if nothing is released."""
        return self.named(release_record.CURRENT)

    def commit(
        self, record: Record, previous: Record | None, note: Callable[[str], object]
    ) -> Record:
        """Publish a record that was made while `previous` was current; return the current one.

        Raises ConflictError before anything is written.
        """
        if not previous or previous.release != record.release:
            self._check_immutable(record)
        # It may be of an earlier try that reached the commit point, or of a run that was faster.
        current = self.current()
        if current and current.release == record.release:
            if not release_record.same_content(current, record):
                raise taken(record.release)
            self.converge(current)
            return current
        if current != previous:
            raise taken(current.release if current else record.release)
        written = self.named(record.release)
        # The same bytes are of an earlier try that did not reach the commit point.
        if written is not None and release_record.dump(written) != release_record.dump(record):
            raise taken(record.release)
        note(f"recording {record.release}")
        reference = self._repository.with_tag(record.release)
        digest = self._store.put(_artifact(record), reference)
        self._trust.sign(self._store, reference, digest, RECORD, target=record.release)
        self._store.copy(reference, self._repository.with_tag(release_record.CURRENT))
        note("moving tags")
        self.converge(record)
        return record

    def converge(self, record: Record) -> None:
        """Make every tag of the current record name its digest, in every registry.

        Idempotent. Raises StepError, which says that the release is current nevertheless.
        """
        repositories: dict[str, list[TagUpdate]] = {}
        for update in self.tag_updates(record):
            repositories.setdefault(update.tag.name, []).append(update)
        # One at a time in each repository: registries that keep plain files rewrite the link of a
        # manifest with each of its tags, and answer 500 to a request that reads it meanwhile.
        try:
            in_parallel(self._update_all, repositories.values())
        except StepError as error:
            raise _unfinished(record, error) from error

    def tag_updates(self, record: Record) -> list[TagUpdate]:
        """Return every tag of a release, immutable ones first, those of charts before images."""
        matrix = self._catalog.matrix
        updates: list[TagUpdate] = []
        for host in map(matrix.host, matrix.registries):
            for name, chart in record.charts.items():
                image = f"{release_record.CHARTS}/{name}"
                source = parse_reference(matrix.repository_of(image))
                repository = parse_reference(matrix.repository_of(image, host))
                digest = chart.listed[chart.version]["manifest"]
                tag = repository.with_tag(chart.version)
                updates.append(TagUpdate(source.at(digest), tag, IMMUTABLE))
            updates += self._image_tags(record, host)
        return sorted(updates, key=lambda update: update.kind)

    def _image_tags(self, record: Record, host: str) -> Iterator[TagUpdate]:
        """Yield tags of manifests, and of the indexes of variants of several platforms."""
        matrix = self._catalog.matrix
        indexed = {key for variant in record.variants.values() for key in variant.targets.values()}
        for key, target in record.targets.items():
            source = parse_reference(matrix.repository_of(target.image)).at(target.digest)
            repository = parse_reference(matrix.repository_of(target.image, host))
            immutable = target.immutable(record.release)
            kinds = dict.fromkeys(immutable[:1] if key in indexed else immutable, IMMUTABLE)
            kinds |= dict.fromkeys(() if key in indexed else target.rolling, ROLLING)
            if target.publish:
                for tag, kind in kinds.items():
                    yield TagUpdate(source, repository.with_tag(tag), kind)
        for key, variant in record.variants.items():
            target = record.targets[next(iter(variant.targets.values()))]
            source = parse_reference(matrix.repository_of(target.image)).at(variant.digest)
            repository = parse_reference(matrix.repository_of(target.image, host))
            kinds = dict.fromkeys(variant.immutable(target.exact, record.release), IMMUTABLE)
            kinds |= dict.fromkeys(target.rolling, ROLLING)
            for tag, kind in kinds.items():
                yield TagUpdate(source, repository.with_tag(tag), kind, record.manifests(key))

    def _update_all(self, updates: Sequence[TagUpdate]) -> None:
        for update in updates:
            if self._store.digest(update.tag) == update.source.digest:
                continue
            is_ours = update.source.digest not in update.manifests.values()
            if update.manifests and is_ours and self._store.digest(update.source) is None:
                # A registry may have dropped an index that no tag named yet.
                self._store.put_index(update.manifests, update.source)
            self._store.copy(update.source, update.tag)
            if self._trust.is_wanted and update.source.name != update.tag.name:
                copy_beside(self._store, update.source, update.tag)

    def _check_immutable(self, record: Record) -> None:
        """Raise ConflictError if an immutable tag names another manifest."""
        updates = [update for update in self.tag_updates(record) if update.kind == IMMUTABLE]
        digests = in_parallel(lambda update: self._store.digest(update.tag), updates)
        errors = [
            ConflictError(
                f"{update.tag} exists with another digest: {digest[:19]}, not"
                f" {update.source.digest[:19]}",
                hint="it never moves; nothing was published",
            )
            for update, digest in zip(updates, digests, strict=True)
            if digest is not None and digest != update.source.digest
        ]
        raise_all(errors)


def taken(name: str) -> ConflictError:
    """Return the error of a release that another run made."""
    return ConflictError(
        f"release {name} exists already, with other content",
        hint="another run made it meanwhile; plan again",
    )


def _unfinished(record: Record, error: StepError) -> StepError:
    """Return the error of a release that is current although some of its tags were not moved."""
    state = f"release {record.release} is current, but not all of its tags are moved"
    message = f"{state}: {error.message}"
    again = "run the same command again: it moves the rest"
    hint = f"{error.hint}; then {again}" if error.hint else again
    if isinstance(error, TransientError):
        return TransientError(message, hint=hint, after=error.after)
    return StepError(message, hint=hint)


def _artifact(record: Record) -> Artifact:
    """Return a record as a registry keeps it."""
    return Artifact(
        kind=release_record.KIND,
        files={
            release_record.FILE: Blob(kind="application/json", data=release_record.dump(record))
        },
    )
