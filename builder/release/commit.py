"""The releases of a catalog in its registries: read, committed, converged.

A release is offered in this order: the record, `current` (the one commit point), then tags. What
comes after the commit point can be done again from the record, by whoever comes next; nothing is
offered by halves before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from builder.catalog.models import Catalog
from builder.common.errors import ConflictError, StepError, TransientError, raise_all
from builder.common.parallel import in_parallel
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.registry_state import read_record, releases_reference
from builder.registry import release_record
from builder.registry.interfaces import Artifact, Blob, Registry
from builder.registry.release_record import Record


class Move(NamedTuple):
    """A tag and what it is to name. `kind` is immutable or rolling.

    `manifests` are, by platform, what the source is an index of; none: it is a manifest.
    """

    source: Reference
    place: Reference
    kind: str
    manifests: Mapping[str, str] = {}


class Records:
    """The records of a catalog, and what follows from the one that is current."""

    def __init__(self, *, catalog: Catalog, store: Registry) -> None:
        self._catalog = catalog
        self._store = store
        self._place = releases_reference(catalog)

    @property
    def place(self) -> Reference:
        """The repository of the records."""
        return self._place

    def names(self) -> tuple[str, ...]:
        """The names of all releases, the oldest first."""
        tags = filter(release_record.is_name, self._store.tags(self._place.name))
        return tuple(sorted(tags, key=release_record.order))

    def named(self, name: str) -> Record | None:
        """The record of a release, or None where there is none."""
        return read_record(self._store, self._place.with_tag(name))

    def current(self) -> Record | None:
        """The record of what is offered, or None where nothing is."""
        return self.named(release_record.CURRENT)

    def commit(
        self, record: Record, previous: Record | None, note: Callable[[str], object]
    ) -> Record:
        """Offer what a record says, which was made when `previous` was; what is offered then.

        Raises ConflictError before anything is written.
        """
        if not previous or previous.release != record.release:
            self._check_immutable(record)
        # Of an earlier try that got as far as the commit point, or of a run that was faster.
        made = self.current()
        if made and made.release == record.release:
            if not release_record.same_content(made, record):
                raise taken(record.release)
            self.converge(made)
            return made
        if made != previous:
            raise taken(made.release if made else record.release)
        held = self.named(record.release)
        # The same one is that of an earlier try, which did not get further.
        if held is not None and release_record.dump(held) != release_record.dump(record):
            raise taken(record.release)
        note(f"recording {record.release}")
        place = self._place.with_tag(record.release)
        self._store.put(_artifact(record), place)
        self._store.copy(place, self._place.with_tag(release_record.CURRENT))
        note("moving tags")
        self.converge(record)
        return record

    def converge(self, record: Record) -> None:
        """Make every tag of a record, which is current, name its digest, in every registry.

        Idempotent. Raises StepError, which says that the release is current all the same.
        """
        groups: dict[str, list[Move]] = {}
        for move in self.tags(record):
            groups.setdefault(move.place.name, []).append(move)
        # One at a time in each repository: registries on plain files write a manifest's link
        # again with each of its tags, and answer 500 to who reads it just then.
        try:
            in_parallel(self._move_all, groups.values())
        except StepError as error:
            raise _unfinished(record, error) from error

    def tags(self, record: Record) -> list[Move]:
        """Every tag that a record stands for: charts and what never moves first."""
        matrix = self._catalog.matrix
        moves: list[Move] = []
        for host in map(matrix.host, matrix.registries):
            for name, chart in record.charts.items():
                image = f"{release_record.CHARTS}/{name}"
                source = parse_reference(matrix.repository_of(image))
                place = parse_reference(matrix.repository_of(image, host))
                digest = chart.listed[chart.version]["manifest"]
                moves.append(Move(source.at(digest), place.with_tag(chart.version), "immutable"))
            moves += self._image_tags(record, host)
        return sorted(moves, key=lambda move: move.kind)

    def _image_tags(self, record: Record, host: str) -> Iterator[Move]:
        """Tags of manifests, and of the indexes of variants of several platforms."""
        matrix = self._catalog.matrix
        inside = {key for variant in record.variants.values() for key in variant.targets.values()}
        for key, target in record.targets.items():
            source = parse_reference(matrix.repository_of(target.image)).at(target.digest)
            place = parse_reference(matrix.repository_of(target.image, host))
            fixed = target.immutable(record.release)
            kinds = dict.fromkeys(fixed[:1] if key in inside else fixed, "immutable")
            kinds |= dict.fromkeys(() if key in inside else target.rolling, "rolling")
            if target.publish:
                for tag, kind in kinds.items():
                    yield Move(source, place.with_tag(tag), kind)
        for key, variant in record.variants.items():
            target = record.targets[next(iter(variant.targets.values()))]
            source = parse_reference(matrix.repository_of(target.image)).at(variant.digest)
            place = parse_reference(matrix.repository_of(target.image, host))
            kinds = dict.fromkeys(variant.immutable(target.exact, record.release), "immutable")
            kinds |= dict.fromkeys(target.rolling, "rolling")
            for tag, kind in kinds.items():
                yield Move(source, place.with_tag(tag), kind, record.manifests(key))

    def _move_all(self, moves: Sequence[Move]) -> None:
        for move in moves:
            if self._store.digest(move.place) == move.source.digest:
                continue
            if move.manifests and self._store.digest(move.source) is None:
                # A registry may have dropped what no tag named yet.
                self._store.put_index(move.manifests, move.source)
            self._store.copy(move.source, move.place)

    def _check_immutable(self, record: Record) -> None:
        """Raise ConflictError where a tag that never moves names something else."""
        fixed = [move for move in self.tags(record) if move.kind == "immutable"]
        held = in_parallel(lambda move: self._store.digest(move.place), fixed)
        errors = [
            ConflictError(
                f"{move.place} exists with another digest: {digest[:19]}, not"
                f" {move.source.digest[:19]}",
                hint="it never moves; nothing was published",
            )
            for move, digest in zip(fixed, held, strict=True)
            if digest is not None and digest != move.source.digest
        ]
        raise_all(errors)


def taken(name: str) -> ConflictError:
    """The error of a release that another run made."""
    return ConflictError(
        f"release {name} exists already, with other content",
        hint="another run made it meanwhile; plan again",
    )


def _unfinished(record: Record, error: StepError) -> StepError:
    """Return the error of a release that is current while some tags name what they did."""
    state = f"release {record.release} is current, but not all of its tags are moved"
    message = f"{state}: {error.message}"
    again = "run the same command again: it moves the rest"
    hint = f"{error.hint}; then {again}" if error.hint else again
    if isinstance(error, TransientError):
        return TransientError(message, hint=hint, after=error.after)
    return StepError(message, hint=hint)


def _artifact(record: Record) -> Artifact:
    return Artifact(
        kind=release_record.KIND,
        files={
            release_record.FILE: Blob(kind="application/json", data=release_record.dump(record))
        },
    )
