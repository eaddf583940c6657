"""Gathers what stands in the registries of a catalog, and what of it is garbage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from builder.build import attestation
from builder.catalog.ids import BaseId
from builder.catalog.models import Catalog, Retention
from builder.charts.repository.oci_artifact import package_in
from builder.charts.semver import CHANGELOG
from builder.common.errors import StepError
from builder.common.parallel import by_item, in_parallel
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import CHARTS, Record
from builder.release.commit import Records
from builder.release.prune import retention
from builder.release.prune.classify import Held, Named, Removal, Survey
from builder.release.prune.retention import Lines

_REFERENCE = re.compile(rb"[\w.-]+(?::\d+)?(?:/[\w.-]+)+:\w[\w.-]{0,127}")
_FOLDER = f"{CHARTS}/"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is kept, on which day. `orphans`: also what no release named goes."""

    keep: Retention
    today: str
    orphans: bool = False


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """What goes, and why the rest stays.

    `kept` are releases, each with why; `stays` counts manifests by why they stay. `retired` are
    versions of charts that leave the index, by chart, in the release `made`. `freed` is in bytes,
    of what nothing names that stays. `mark` is the digest of the current record. `present` are the
    manifests that stay, as `registry/repository@digest`, in `repositories`.
    """

    current: Record
    mark: str
    made: str
    kept: Mapping[str, str]
    charts: frozenset[str]  # that a kept release offers
    records: tuple[str, ...]
    retired: Mapping[str, tuple[str, ...]]
    removals: tuple[Removal, ...]
    loose: tuple[Reference, ...]  # tags of releases that go, of manifests that stay
    stays: Mapping[str, int]
    freed: int
    present: frozenset[str]
    repositories: frozenset[str]


class Search:
    """Looks for garbage. Nothing is written."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        store: Registry,
        records: Records,
        policy: Policy,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._records = records
        self._policy = policy

    def run(self) -> Garbage:
        """All that is garbage. Raises StepError where nothing is released."""
        mark = self._store.digest(self._records.place.with_tag(release_record.CURRENT))
        current = self._records.current()
        if current is None or mark is None:
            raise StepError(f"nothing is released in {self._records.place.name}")
        every = self._every(current)
        names = tuple(sorted(every, key=release_record.order))
        kept = retention.kept(names, current.release, self._policy.keep)
        retired = retention.retiring(current, [every[name] for name in kept])
        made = release_record.name(self._policy.today, names) if retired else ""
        if made:
            # It counts as a release itself, or the next search would find more.
            kept = retention.kept((*names, made), made, self._policy.keep)
            retired = retention.retiring(current, [every[name] for name in kept if name != made])
        keeps = [current, *(every[name] for name in kept if name in every)]
        surveys = list(self._surveys(every.values(), keeps, _packages(current, keeps, retired)))
        return Garbage(
            current=current,
            mark=mark,
            made=made,
            kept=kept,
            charts=frozenset(name for one in keeps for name in one.charts),
            records=tuple(name for name in names if name not in kept),
            retired=retired,
            removals=tuple(one for survey in surveys for one in survey.removals),
            loose=tuple(one for survey in surveys for one in survey.loose),
            stays=Counter(reason for survey in surveys for reason in survey.stays.values()),
            freed=_freed(surveys),
            present=frozenset(
                str(survey.held.place.at(digest)) for survey in surveys for digest in survey.stays
            ),
            repositories=frozenset(survey.held.place.name for survey in surveys),
        )

    def _every(self, current: Record) -> dict[str, Record]:
        names = self._records.names()
        found = by_item(self._records.named, names)
        return {current.release: current} | {name: one for name, one in found.items() if one}

    # What is named.

    def _surveys(
        self,
        every: Collection[Record],
        keeps: Collection[Record],
        packages: Collection[tuple[str, str]],
    ) -> Iterator[Survey]:
        """`packages` are the charts that stay: what each is called in the matrix, its manifest."""
        lines = Lines(
            matrix=self._catalog.matrix,
            days=self._policy.keep.retired,
            today=self._policy.today,
            offered=retention.last_offered(every),
            forgotten=self._policy.orphans,
        )
        kept = {(name, digest) for one in keeps for name, digest, _ in _named(one)}
        kept |= {(f"{_FOLDER}{chart}", manifest) for chart, manifest in packages}
        known = {
            (name, digest): target
            for one in every
            for name, digest, target in (*_named(one), *_listed(one))
        }
        prints = set(_prints(every)) - set(_prints(keeps))
        standing = {move.place for one in keeps for move in self._records.tags(one)}
        charted = self._charted(packages)
        for name, place in self._places({name for name, _ in known}):
            named = Named(
                kept=frozenset(digest for it, digest in kept if it == name),
                known={digest: target for (it, digest), target in known.items() if it == name},
                charted=frozenset(tag for it, tag in charted if it == name),
                standing=frozenset(it.tag for it in standing if it.name == place.name),
                prints=frozenset(tag for it, tag in prints if it == name),
            )
            yield Survey(
                held=self._held(place, named.known),
                named=named,
                lines=lines,
                target_of=self._target_of(name),
                chart=name.startswith(_FOLDER),
                orphans=self._policy.orphans,
            )

    def _charted(self, packages: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """The tags that charts name, each with its image: read from the packages themselves."""
        matrix = self._catalog.matrix

        def read(item: tuple[str, str]) -> set[str]:
            place = parse_reference(matrix.repository_of(f"{_FOLDER}{item[0]}")).at(item[1])
            artifact = self._store.get(place)
            files = package_in(artifact, str(place)).files if artifact else {}
            now = [data for path, data in files.items() if path != CHANGELOG]
            return {text.decode() for data in now for text in _REFERENCE.findall(data)}

        texts = {text for found in in_parallel(read, packages) for text in found}
        repositories = {place.name: name for name, place in self._places(())}
        found = set()
        for text in texts:
            repository, _, tag = text.rpartition(":")
            if repository in repositories:
                found.add((repositories[repository], tag))
        return found

    def _target_of(self, name: str) -> Callable[[Reference], str]:
        """Says whose a fp-tag is, by the evidence beside it."""
        place = parse_reference(self._catalog.matrix.repository_of(name))

        def target_of(fingerprint: Reference) -> str:
            chain = attestation.read(self._store, place.with_tag(fingerprint.tag)).chain
            return chain[-1].target if chain else ""

        return target_of

    # What is there.

    def _places(self, names: Iterable[str]) -> list[tuple[str, Reference]]:
        """The repositories of the catalog, and of these names, in every registry."""
        matrix = self._catalog.matrix
        bases = [axis for axis, values in matrix.axes.items() if any(it.sources for it in values)]
        charts = [f"{_FOLDER}{name}" for name in matrix.charts]
        found = sorted({*matrix.images, *bases, *charts, *names})
        hosts = [matrix.host(registry) for registry in matrix.registries]
        return [
            (name, parse_reference(matrix.repository_of(name, host)))
            for host in hosts
            for name in found
        ]

    def _held(self, place: Reference, known: Iterable[str]) -> Held:
        found = by_item(
            lambda tag: self._store.digest(place.with_tag(tag)), self._store.tags(place.name)
        )
        digests = {tag: digest for tag, digest in found.items() if digest}
        every = sorted({*digests.values(), *known})
        blobs = by_item(lambda digest: self._store.blobs(place.at(digest)), every)
        held = {digest: named for digest, named in blobs.items() if named}
        return Held(
            place=place,
            tags={tag: digest for tag, digest in digests.items() if digest in held},
            blobs=held,
        )


def _packages(
    current: Record, keeps: Iterable[Record], retired: Mapping[str, Collection[str]]
) -> set[tuple[str, str]]:
    """The manifests of chart packages that stay, each with its chart."""
    listed = {
        (name, held["manifest"])
        for name, chart in current.charts.items()
        for version, held in chart.listed.items()
        if version not in retired.get(name, ())
    }
    offered = {
        (name, chart.listed[chart.version]["manifest"])
        for one in keeps
        for name, chart in one.charts.items()
    }
    return listed | offered


def _named(record: Record) -> Iterator[tuple[str, str, str]]:
    """Every image, index and base that a record names: its name, its digest, its target or ""."""
    for key, target in record.targets.items():
        yield target.image, target.digest, key
    for variant in record.variants.values():
        first = next(iter(variant.targets.values()))
        yield record.targets[first].image, variant.digest, first
    for base, digest in record.bases.items():
        yield BaseId(base).value.axis, digest, ""


def _listed(record: Record) -> Iterator[tuple[str, str, str]]:
    """Every package of a chart that a record names, as `_named` says it."""
    for name, chart in record.charts.items():
        for held in chart.listed.values():
            yield f"{_FOLDER}{name}", held["manifest"], ""


def _prints(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """The tags of the fingerprints that records name, each with its image."""
    for record in records:
        for target in record.targets.values():
            yield target.image, target.tag


def _freed(surveys: Iterable[Survey]) -> int:
    """The bytes of blobs that nothing names which stays, each counted once in each registry."""
    goes: dict[tuple[str, str], int] = {}
    stays: set[tuple[str, str]] = set()
    for survey in surveys:
        host = survey.held.place.registry
        for digest, blobs in survey.held.blobs.items():
            if digest in survey.stays:
                stays |= {(host, blob) for blob in blobs}
            else:
                goes |= {(host, blob): size for blob, size in blobs.items()}
    return sum(size for key, size in goes.items() if key not in stays)
