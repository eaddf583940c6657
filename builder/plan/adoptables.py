"""Finds the images that a catalog can adopt: those of releases of the catalogs that it stands on.

Nothing of such a catalog is read but its release record, by the digest that matrix.lock has, and
what the record names, by digest. Metadata has a tag, and is held against the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from builder.catalog.ids import BaseId
from builder.catalog.matrix import repository_of
from builder.common.errors import StepError
from builder.common.parallel import by_item
from builder.common.text import first_line
from builder.lock.lockfile import Lock
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan import image_metadata
from builder.plan.fingerprint import Fingerprint
from builder.plan.image_check import quick_problem
from builder.plan.models import Adoptable, Adoptables
from builder.plan.registry_state import read_record
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedTarget


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A catalog that the own one stands on: where its images are, and its release in the lock.

    `template` is its `catalog.repository`; `record` is the digest of its release record.
    """

    name: str
    template: str
    registry: str
    release: str
    record: str

    def repository(self, image: str) -> Reference:
        """Return the repository of an image, or of an axis of base images, by its name."""
        text = repository_of(self.template, registry=self.registry, image=image)
        return parse_reference(text)

    def __str__(self) -> str:
        return f"{self.name} {self.release}"


@dataclass(frozen=True, kw_only=True)
class UpstreamRecord:
    """The record of a catalog below; `problem` says why its registry could not be asked for it."""

    upstream: Upstream
    record: Record | None = None
    problem: str = ""


def read_upstreams(store: Registry, upstreams: Sequence[Upstream]) -> tuple[UpstreamRecord, ...]:
    """Return the record of each catalog below. Raises ConfigError where one is no record."""
    return tuple(_read(store, upstream) for upstream in upstreams)


def _read(store: Registry, upstream: Upstream) -> UpstreamRecord:
    reference = upstream.repository(release_record.REPOSITORY).at(upstream.record)
    try:
        record = read_record(store, reference)
    except StepError as error:
        return UpstreamRecord(upstream=upstream, problem=_unasked(upstream, error))
    if record is None:
        problem = f"the registry of {upstream.name} does not have its release record {reference}"
        return UpstreamRecord(upstream=upstream, problem=problem)
    return UpstreamRecord(upstream=upstream, record=record)


def _unasked(upstream: Upstream, error: StepError) -> str:
    return f"the registry of {upstream.name} cannot be asked: {first_line(error.message)}"


def find_adoptables(
    store: Registry,
    records: Sequence[UpstreamRecord],
    *,
    fingerprints: Mapping[str, Fingerprint],
    bases: Sequence[str],
    lock: Lock,
) -> Adoptables:
    """Return what the records have of images that the own registry lacks.

    `fingerprints` are those of its targets, `bases` the ids of its base images. The first record
    that has one counts.
    """
    found = Adoptables()
    for item in records:
        keys = [key for key in (*fingerprints, *bases) if key not in found.images]
        if item.record is None:
            unasked = dict.fromkeys(keys, item.problem)
            found = replace(found, unasked={**unasked, **found.unasked})
            continue
        reader = _Reader(store, item.upstream, item.record)
        wanted = {key: fingerprints[key] for key in keys if key in fingerprints}
        asked = by_item(partial(reader.target, wanted), wanted)
        asked |= by_item(partial(reader.base, lock), [key for key in keys if key in bases])
        found = _with(found, asked)
    return found


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What a catalog below has of an image: one of the three, or nothing."""

    image: Adoptable | None = None
    refused: str = ""
    unasked: str = ""


class _Reader:
    """Looks for images in the release of one catalog."""

    def __init__(self, store: Registry, upstream: Upstream, record: Record) -> None:
        self._store = store
        self._upstream = upstream
        self._bases = record.bases
        self._record = record
        self._targets = {item.fingerprint: item for item in record.targets.values()}

    def target(self, wanted: Mapping[str, Fingerprint], key: str) -> _Answer:
        """Look for the image with the fingerprint of a target."""
        released = self._targets.get(wanted[key].digest)
        if released is None:
            return _Answer()
        image = self._upstream.repository(released.image).at(released.digest)
        try:
            return self._answer(image, self._problem(image, wanted[key], released), released)
        except StepError as error:
            return _Answer(unasked=_unasked(self._upstream, error))

    def base(self, lock: Lock, key: str) -> _Answer:
        """Look for a base image with the content that is locked."""
        theirs, ours = self._record.lock.bases.get(key), lock.bases.get(key)
        if key not in self._bases or not theirs or not ours or theirs.content != ours.content:
            return _Answer()
        image = self._upstream.repository(BaseId(key).value.axis).at(self._bases[key])
        try:
            return self._answer(image, self._gone(image))
        except StepError as error:
            return _Answer(unasked=_unasked(self._upstream, error))

    def _answer(
        self, image: Reference, problem: str, released: ReleasedTarget | None = None
    ) -> _Answer:
        if problem:
            return _Answer(refused=f"{self._upstream} had it, but {problem}")
        tag = image.with_tag(released.tag) if released else None
        return _Answer(
            image=Adoptable(
                catalog=self._upstream.name,
                release=self._upstream.release,
                image=image,
                tests_hash=released.tests_hash if released else "",
                metadata=image_metadata.reference_of(tag) if tag else None,
            )
        )

    def _gone(self, image: Reference) -> str:
        return "" if self._store.digest(image) else f"{image} is gone"

    def _problem(self, image: Reference, fingerprint: Fingerprint, released: ReleasedTarget) -> str:
        """Return why an image is not adopted, or ""."""
        tag = image.with_tag(released.tag)
        return self._gone(image) or quick_problem(
            self._store, tag, released.digest, fingerprint, released
        )


def _with(found: Adoptables, asked: Mapping[str, _Answer]) -> Adoptables:
    """Return what was found before, and what the answers of one more catalog say."""
    images = {key: answer.image for key, answer in asked.items() if answer.image}
    refused = {key: answer.refused for key, answer in asked.items() if answer.refused}
    unasked = {key: answer.unasked for key, answer in asked.items() if answer.unasked}
    return Adoptables(
        images={**found.images, **images},
        refused={**refused, **found.refused},
        unasked={**unasked, **found.unasked},
    )
