"""Copy all that the registry of a catalog holds to another registry.

It is copied in the order of a release: images, charts and what is stored beside them, then the
release records, then `current`, then the tags that move. Whoever pulls from the other registry
meanwhile finds one release whole. Nothing is removed, and what is there already is not sent again,
so that a copy that was ended early goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from builder.catalog.models import Catalog
from builder.catalog_fetch.artefact import tag_of
from builder.common.errors import ConflictError, StepError, raise_all
from builder.common.parallel import by_item
from builder.common.text import amount, count
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.registry_state import read_record
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import CURRENT, Record
from builder.release.repositories import FOLDER, repositories


class Stage(IntEnum):
    """When a tag is copied."""

    CONTENT = 0
    RECORD = 1
    COMMIT = 2  # `current` moves
    ROLLING = 3


@dataclass(frozen=True, kw_only=True)
class TagCopy:
    """A tag that the target lacks, or that moves there; `digest` is that of the source."""

    source: Reference
    target: Reference
    digest: str
    stage: Stage


@dataclass(frozen=True, kw_only=True)
class CopyPlan:
    """What is to be copied, in order. `present` counts the tags that are right already.

    `bytes` is the size of all blobs of the manifests to be copied, each blob counted once; a
    registry may have some of them already.
    """

    copies: tuple[TagCopy, ...]
    present: int
    bytes: int
    releases: int


@dataclass(frozen=True, kw_only=True)
class _Tags:
    """The tags of the source that never move, and those that move from release to release.

    All others, of image metadata and signatures, follow the source.
    """

    fixed: frozenset[Reference]
    rolling: frozenset[Reference]

    def differ(self, item: TagCopy, there: str | None) -> bool:
        """Whether the target has other content at a tag that never moves."""
        return there not in {None, item.digest} and item.source in self.fixed


class RegistryCopy:
    """Copies from the registry `source`, `host[:port][/path]`, to the registry `target`."""

    def __init__(self, *, catalog: Catalog, store: Registry, source: str, target: str) -> None:
        self._matrix = catalog.matrix
        self._store = store
        self._source = source
        self._target = target

    def prepare(self) -> CopyPlan:
        """Return what is to be copied; nothing is written.

        Raises StepError where the source has no release, and ConflictError where the target has
        other content at a tag that never moves, or a release that the source lacks.
        """
        source, target = map(self._records, (self._source, self._target))
        names = sorted(filter(release_record.is_name, self._store.tags(source.name)))
        current = read_record(self._store, source.with_tag(CURRENT))
        if current is None:
            raise StepError(f"nothing is released in {source.name}")
        self._check_known(target, source, names)
        found = by_item(lambda name: read_record(self._store, source.with_tag(name)), names)
        records = {name: record for name, record in found.items() if record}
        tags = self._tags(records)
        pairs = [*self._repositories(_names(records.values())), (source, target)]
        every = [item for pair in pairs for item in self._compared(*pair, tags)]
        raise_all([_conflict(item, there) for item, there in every if tags.differ(item, there)])
        copies = [item for item, there in every if item.digest != there]
        return CopyPlan(
            copies=tuple(sorted(copies, key=lambda item: item.stage)),
            present=len(every) - len(copies),
            bytes=self._bytes(copies),
            releases=len(records),
        )

    def carry_out(self, plan: CopyPlan, note: Callable[[str], object]) -> None:
        """Copy, and check each digest afterwards; `note` is told of each repository."""
        last = ""
        for item in plan.copies:
            if item.target.name != last:
                last = item.target.name
                note(f"copying {_left(plan.copies, item)} to {last}")
            # By its digest: what the tag names meanwhile was not looked at.
            self._store.copy(item.source.at(item.digest), item.target)
            if (found := self._store.digest(item.target)) != item.digest:
                raise ConflictError(
                    f"{item.target} has the digest {found} after the copy, not {item.digest}",
                    hint="another run writes to that registry; run the same command again",
                )

    def _repository(self, name: str) -> Reference:
        return parse_reference(self._matrix.repository_of(name, self._source))

    def _records(self, host: str) -> Reference:
        return parse_reference(self._matrix.repository_of(release_record.REPOSITORY, host))

    def _check_known(self, target: Reference, source: Reference, names: Iterable[str]) -> None:
        """Raise ConflictError where the current release of the target is none of the source."""
        current = self._store.digest(target.with_tag(CURRENT))
        if current is None:
            return
        known = by_item(self._store.digest, (source.with_tag(name) for name in names))
        if current in known.values():
            return
        raise ConflictError(
            f"the current release of {target.name} is none of {source.name}: {current[:19]}",
            hint="it was made there, and a copy would hide it; copy to an empty registry",
        )

    def _repositories(self, names: Iterable[str]) -> Iterable[tuple[Reference, Reference]]:
        listed = list(names)
        sources = repositories(self._matrix, self._source, listed)
        targets = repositories(self._matrix, self._target, listed)
        return ((sources[name], targets[name]) for name in sources)

    def _compared(
        self, source: Reference, target: Reference, tags: _Tags
    ) -> Iterable[tuple[TagCopy, str | None]]:
        """Yield each tag of a repository, with its digest in the target."""
        every = self._store.tags(source.name)
        there = set(self._store.tags(target.name))
        digests = by_item(self._store.digest, map(source.with_tag, every))
        found = by_item(self._store.digest, map(target.with_tag, there.intersection(every)))
        for reference, digest in digests.items():
            if digest is not None:  # else it went meanwhile
                item = TagCopy(
                    source=reference,
                    target=target.with_tag(reference.tag),
                    digest=digest,
                    stage=self._stage(reference, tags),
                )
                yield item, found.get(item.target)

    def _stage(self, reference: Reference, tags: _Tags) -> Stage:
        if reference.name == self._records(self._source).name:
            return Stage.COMMIT if reference.tag in {CURRENT, tag_of(CURRENT)} else Stage.RECORD
        return Stage.ROLLING if reference in tags.rolling else Stage.CONTENT

    def _tags(self, records: Mapping[str, Record]) -> _Tags:
        """Return the tags of releases in the source."""
        fixed = {self._records(self._source).with_tag(name) for name in records}
        rolling: set[Reference] = set()
        for name, record in records.items():
            for target in record.targets.values():
                image = self._repository(target.image)
                fixed |= {image.with_tag(tag) for tag in target.immutable(name)}
                rolling |= {image.with_tag(tag) for tag in target.rolling}
            for chart, released in record.charts.items():
                package = self._repository(f"{FOLDER}{chart}")
                fixed |= {package.with_tag(version) for version in released.listed}
        return _Tags(fixed=frozenset(fixed), rolling=frozenset(rolling))

    def _bytes(self, copies: Iterable[TagCopy]) -> int:
        manifests = dict.fromkeys(item.source.at(item.digest) for item in copies)
        blobs: dict[str, int] = {}
        for sizes in by_item(self._store.blobs, manifests).values():
            blobs |= sizes
        return sum(blobs.values())


def summary(plan: CopyPlan, target: str) -> str:
    """Return one line on what a copy sends."""
    return (
        f"{target}: {count(len(plan.copies), 'tag')} to copy, at most {amount(plan.bytes)},"
        f" of {count(plan.releases, 'release')}; {plan.present} there already"
    )


def _names(records: Iterable[Record]) -> list[str]:
    """Return the names of all that releases had, images before charts."""
    known = list(records)
    images = sorted({target.image for record in known for target in record.targets.values()})
    charts = sorted({f"{FOLDER}{name}" for record in known for name in record.charts})
    return [*images, *charts]


def _conflict(item: TagCopy, found: str | None) -> ConflictError:
    return ConflictError(
        f"{item.target} exists with another digest: {str(found)[:19]}, not {item.digest[:19]}",
        hint="it never moves; nothing was copied",
    )


def _left(copies: Iterable[TagCopy], item: TagCopy) -> str:
    same = [it for it in copies if (it.target.name, it.stage) == (item.target.name, item.stage)]
    return count(len(same), "tag")
