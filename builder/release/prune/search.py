"""Read what the registries of a catalog hold, and find what of it is garbage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from builder.catalog.ids import BaseId
from builder.catalog.models import Catalog, Retention
from builder.charts.repository.oci_artifact import package_in
from builder.charts.semver import CHANGELOG
from builder.common.errors import DamagedError, StepError
from builder.common.parallel import by_item, in_parallel
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan import image_metadata
from builder.plan.image_check import stated
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record
from builder.release.commit import Records
from builder.release.prune import retention
from builder.release.prune.classify import Classification, References, Removal, RepositoryState
from builder.release.prune.retention import ReleaseLines
from builder.release.repositories import FOLDER, repositories

_REFERENCE = re.compile(rb"[\w.-]+(?::\d+)?(?:/[\w.-]+)+:\w[\w.-]{0,127}")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is kept, on which day. With `orphans`, what no release names is removed too."""

    keep: Retention
    today: str
    orphans: bool = False


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """What is to be removed, and why the rest stays.

    `current_digest` is the digest of the current record. `kept` are releases, each with why;
    `stays` counts the manifests that stay by why they do. `retired` are the versions, by chart,
    that leave the index in the release `new_release`. `freed` is in bytes, of blobs that no
    manifest which stays names. `present` are the manifests that stay, as
    `registry/repository@digest`, in `repositories`.
    """

    current: Record
    current_digest: str
    new_release: str
    kept: Mapping[str, str]
    charts: frozenset[str]  # those in a kept release
    records: tuple[str, ...]  # releases that are removed
    retired: Mapping[str, tuple[str, ...]]
    removals: tuple[Removal, ...]
    stale_tags: tuple[Reference, ...]  # of removed releases, on manifests that stay
    stays: Mapping[str, int]
    freed: int
    present: frozenset[str]
    repositories: frozenset[str]


class Search:
    """Finds garbage. Nothing is written."""

    def __init__(
        self, *, catalog: Catalog, store: Registry, records: Records, policy: Policy
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._records = records
        self._policy = policy

    def run(self) -> Garbage:
        """Return all that is garbage. Raises StepError if nothing is released."""
        repository = self._records.repository
        current_digest = self._store.digest(repository.with_tag(release_record.CURRENT))
        current = self._records.current()
        if current is None or current_digest is None:
            raise StepError(f"nothing is released in {repository.name}")
        records = self._all_records(current)
        names = tuple(sorted(records, key=release_record.order))
        kept = retention.kept(names, current.release, self._policy.keep)
        retired = retention.retiring(current, [records[name] for name in kept])
        new_release = release_record.name(self._policy.today, names) if retired else ""
        if new_release:
            # It counts as a release itself, or the next search would find more.
            kept = retention.kept((*names, new_release), new_release, self._policy.keep)
            others = [records[name] for name in kept if name != new_release]
            retired = retention.retiring(current, others)
        kept_records = [current, *(records[name] for name in kept if name in records)]
        packages = _packages(current, kept_records, retired)
        repositories = list(self._classified(records.values(), kept_records, packages))
        return Garbage(
            current=current,
            current_digest=current_digest,
            new_release=new_release,
            kept=kept,
            charts=frozenset(name for record in kept_records for name in record.charts),
            records=tuple(name for name in names if name not in kept),
            retired=retired,
            removals=tuple(removal for item in repositories for removal in item.removals),
            stale_tags=tuple(tag for item in repositories for tag in item.stale_tags),
            stays=Counter(reason for item in repositories for reason in item.stays.values()),
            freed=_freed(repositories),
            present=frozenset(
                str(item.state.repository.at(digest))
                for item in repositories
                for digest in item.stays
            ),
            repositories=frozenset(item.state.repository.name for item in repositories),
        )

    def _all_records(self, current: Record) -> dict[str, Record]:
        """Return the records of all releases, by name."""
        others = [name for name in self._records.names() if name != current.release]
        records = by_item(self._records.named, others)
        return {current.release: current} | {name: item for name, item in records.items() if item}

    # What releases and charts name.

    def _classified(
        self,
        records: Collection[Record],
        kept_records: Collection[Record],
        packages: Collection[tuple[str, str]],
    ) -> Iterator[Classification]:
        """Yield the classification of each repository.

        `packages` are the chart packages that stay: the chart's name, and its manifest's digest.
        """
        release_lines = self._release_lines(records)
        kept = {(name, digest) for record in kept_records for name, digest, _ in _named(record)}
        kept |= {(f"{FOLDER}{chart}", manifest) for chart, manifest in packages}
        parents = self._parents(kept_records)
        released = {
            (name, digest): target
            for record in records
            for name, digest, target in (*_named(record), *_listed(record))
        }
        stale = set(_fingerprint_tags(records)) - set(_fingerprint_tags(kept_records))
        updates = (it for record in kept_records for it in self._records.tag_updates(record))
        kept_tags = {update.tag for update in updates}
        chart_tags = self._chart_tags(packages)
        for name, repository in self._repositories({name for name, _ in released}):
            references = References(
                kept=_of(name, kept),
                parents=_of(name, parents),
                released={digest: it for (key, digest), it in released.items() if key == name},
                chart_tags=_of(name, chart_tags),
                kept_tags=frozenset(tag.tag for tag in kept_tags if tag.name == repository.name),
                stale_fingerprint_tags=_of(name, stale),
            )
            yield Classification(
                state=self._state(repository, references.released),
                references=references,
                release_lines=release_lines,
                target_of=self._target_of(name),
                chart=name.startswith(FOLDER),
                orphans=self._policy.orphans,
            )

    def _parents(self, records: Iterable[Record]) -> set[tuple[str, str]]:
        """Return the name and digest of each image that those of releases were built on.

        Without them an image counts for nothing. A release need not name them all.
        """
        matrix = self._catalog.matrix
        names = {repository.name: name for name, repository in self._repositories(())}
        images = {
            parse_reference(matrix.repository_of(target.image)).with_tag(target.tag)
            for record in records
            for target in record.targets.values()
        }
        level, seen = images, set(images)
        while level:
            found = by_item(self._parents_of, sorted(level, key=str))
            level = {parent for parents in found.values() for parent in parents} - seen
            seen |= level
        digests = by_item(self._store.digest, sorted(seen - images, key=str))
        return {
            (names[image.name], digest)
            for image, digest in digests.items()
            if digest and image.name in names
        }

    def _parents_of(self, image: Reference) -> tuple[Reference, ...]:
        try:
            found = stated(self._store, self._catalog.matrix.repository_of, image)
        except DamagedError:
            return ()
        return tuple(parent.image for parent in found.parents) if found else ()

    def _release_lines(self, records: Collection[Record]) -> ReleaseLines:
        """Return which release lines have ended, by the matrix and the records."""
        return ReleaseLines(
            matrix=self._catalog.matrix,
            days=self._policy.keep.retired,
            today=self._policy.today,
            last_released=retention.last_released(records),
            forgotten=self._policy.orphans,
        )

    def _chart_tags(self, packages: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the tags that chart packages use, each with its image, read from the packages."""
        matrix = self._catalog.matrix

        def references(package: tuple[str, str]) -> set[str]:
            chart, digest = package
            manifest = parse_reference(matrix.repository_of(f"{FOLDER}{chart}")).at(digest)
            artifact = self._store.get(manifest)
            files = package_in(artifact, str(manifest)).files if artifact else {}
            contents = [data for path, data in files.items() if path != CHANGELOG]
            return {text.decode() for data in contents for text in _REFERENCE.findall(data)}

        images = {repository.name: name for name, repository in self._repositories(())}
        tags = set()
        for text in set().union(*in_parallel(references, packages)):
            repository, _, tag = text.rpartition(":")
            if repository in images:
                tags.add((images[repository], tag))
        return tags

    def _target_of(self, name: str) -> Callable[[Reference], str]:
        """Return a function from an fp-tag to its target, as the image metadata has it, or ""."""
        repository = parse_reference(self._catalog.matrix.repository_of(name))

        def target_of(fingerprint: Reference) -> str:
            shares = image_metadata.read(self._store, repository.with_tag(fingerprint.tag)).shares
            return shares[-1].target if shares else ""

        return target_of

    # What registries hold.

    def _repositories(self, names: Iterable[str]) -> list[tuple[str, Reference]]:
        """Return the repositories of the catalog and of `names`, in every registry, by name."""
        matrix = self._catalog.matrix
        return [
            item
            for host in map(matrix.host, matrix.registries)
            for item in sorted(repositories(matrix, host, names).items())
        ]

    def _state(self, repository: Reference, released: Iterable[str]) -> RepositoryState:
        """Read what a repository holds; `released` are digests that may have no tag."""
        tags = self._store.tags(repository.name)
        digests = by_item(lambda tag: self._store.digest(repository.with_tag(tag)), tags)
        every = sorted({*filter(None, digests.values()), *released})
        sizes = by_item(lambda digest: self._store.blobs(repository.at(digest)), every)
        blobs = {digest: named for digest, named in sizes.items() if named}
        return RepositoryState(
            repository=repository,
            tags={tag: digest for tag, digest in digests.items() if digest and digest in blobs},
            blobs=blobs,
        )


def _of(name: str, pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the second of each pair whose first is `name`."""
    return frozenset(value for key, value in pairs if key == name)


def _packages(
    current: Record, kept_records: Iterable[Record], retired: Mapping[str, Collection[str]]
) -> set[tuple[str, str]]:
    """Return the chart and the manifest's digest of each chart package that stays."""
    listed = {
        (name, package["manifest"])
        for name, chart in current.charts.items()
        for version, package in chart.listed.items()
        if version not in retired.get(name, ())
    }
    released = {
        (name, chart.listed[chart.version]["manifest"])
        for record in kept_records
        for name, chart in record.charts.items()
    }
    return listed | released


def _named(record: Record) -> Iterator[tuple[str, str, str]]:
    """Yield the name, digest and target, or "", of each image, index and base image of a record."""
    for base, digest in record.bases.items():  # first: a mirrored image is its own base
        yield BaseId(base).value.axis, digest, ""
    for key, target in record.targets.items():
        yield target.image, target.digest, key
    for variant in record.variants.values():
        first = next(iter(variant.targets.values()))
        yield record.targets[first].image, variant.digest, first


def _listed(record: Record) -> Iterator[tuple[str, str, str]]:
    """Yield the name and digest of each chart package of a record, and no target."""
    for name, chart in record.charts.items():
        for package in chart.listed.values():
            yield f"{FOLDER}{name}", package["manifest"], ""


def _fingerprint_tags(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """Yield the image and the fp-tag of each target of records."""
    for record in records:
        for target in record.targets.values():
            yield target.image, target.tag


def _freed(repositories: Iterable[Classification]) -> int:
    """Return the bytes of blobs that no manifest which stays names, once for each registry."""
    removed: dict[tuple[str, str], int] = {}
    needed: set[tuple[str, str]] = set()
    for repository in repositories:
        host = repository.state.repository.registry
        for digest, blobs in repository.state.blobs.items():
            if digest in repository.stays:
                needed |= {(host, blob) for blob in blobs}
            else:
                removed |= {(host, blob): size for blob, size in blobs.items()}
    return sum(size for key, size in removed.items() if key not in needed)
