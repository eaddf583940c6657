"""Decide for each manifest of a repository whether it stays, and why.

A manifest is removed only when no kept release, no listed chart and no tag of a release line that
goes on names it. Most registries remove a manifest with all its tags, so one tag that stays keeps
the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from builder.oci.reference import Reference
from builder.release.prune import retention
from builder.release.prune.retention import (
    FINGERPRINT,
    METADATA,
    PEOPLE,
    RELEASE,
    SIGNATURE,
    ReleaseLines,
)

RECORD = "in a kept release"
CHART = "used by a listed chart"
LIVING = "tagged for a release line that has not ended"
PARENT = "an image of a kept release was built on it"
NEW = "never released"
MEMBER = "part of an index that stays"
BESIDE = "metadata or signature of an image that stays"

OLD = "only in releases that are removed"
ENDED = "its release line has ended"
ORPHAN = "in no release"
ABOUT = "metadata or signature of an image that is removed"

_ORDER = (OLD, ENDED, ORPHAN, ABOUT)
"""The metadata of an image is removed after it, so that no image is ever without."""


@dataclass(frozen=True, kw_only=True)
class Removal:
    """A manifest to remove, with all its tags. `size` is in bytes, of all blobs that it names."""

    reference: Reference
    tags: tuple[str, ...]
    size: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class References:
    """What releases and charts name in one repository.

    `kept` are the digests in kept releases, `parents` those that they were built on. `released`
    maps each digest in any release to its target, or to "". `chart_tags` are tags that listed
    charts use, `kept_tags` those that kept releases wrote. `stale_fingerprint_tags` are fp-tags
    that only removed releases name.
    """

    kept: frozenset[str] = frozenset()
    parents: frozenset[str] = frozenset()
    released: Mapping[str, str] = field(default_factory=dict)
    chart_tags: frozenset[str] = frozenset()
    kept_tags: frozenset[str] = frozenset()
    stale_fingerprint_tags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class RepositoryState:
    """What a repository holds: digests by tag, and the sizes of blobs by manifest and digest.

    Manifests without a tag are in `blobs` too, where a release names them.
    """

    repository: Reference
    tags: Mapping[str, str]
    blobs: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True)
class Classification:
    """The manifests of a repository, sorted into those that stay and those to remove.

    `target_of` returns the target of an fp-tag that is in no release, or "".
    """

    state: RepositoryState
    references: References
    release_lines: ReleaseLines
    target_of: Callable[[Reference], str]
    chart: bool = False
    orphans: bool = False

    @cached_property
    def stays(self) -> dict[str, str]:
        """Return why each manifest stays that does, by digest."""
        reasons: dict[str, str] = {}
        for digest in self.state.blobs:
            if reason := self._reason_to_stay(digest):
                reasons[digest] = reason
        for digest in list(reasons):
            for member in self.state.blobs[digest]:
                if member in self.state.blobs:
                    reasons.setdefault(member, MEMBER)
        for digest, tags in self._metadata():
            if not all(self._is_unneeded(tag, reasons) for tag in tags):
                reasons[digest] = BESIDE
        return reasons

    @property
    def removals(self) -> tuple[Removal, ...]:
        """Return what to remove, in the order in which to remove it."""
        removals = [
            Removal(
                reference=self.state.repository.at(digest),
                tags=self._tags.get(digest, ()),
                size=sum(blobs.values()),
                reason=self._reason_to_remove(digest),
            )
            for digest, blobs in self.state.blobs.items()
            if digest not in self.stays
        ]
        return tuple(sorted(removals, key=lambda item: (_ORDER.index(item.reason), item.tags)))

    @property
    def stale_tags(self) -> tuple[Reference, ...]:
        """Return the tags of removed releases on manifests that stay."""
        return tuple(
            self.state.repository.with_tag(tag)
            for tag, digest in self.state.tags.items()
            if digest in self.stays
            and not self.chart
            and self._kind(tag) == RELEASE
            and tag not in self.references.chart_tags | self.references.kept_tags
        )

    @cached_property
    def _tags(self) -> dict[str, tuple[str, ...]]:
        """Return the tags of each digest."""
        tags: dict[str, tuple[str, ...]] = {}
        for tag, digest in sorted(self.state.tags.items()):
            tags[digest] = (*tags.get(digest, ()), tag)
        return tags

    def _kind(self, tag: str) -> str:
        return retention.kind(tag, chart=self.chart)

    def _metadata(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the digest and tags of each manifest that is metadata or a signature."""
        for digest, tags in self._tags.items():
            if {self._kind(tag) for tag in tags} <= {METADATA, SIGNATURE}:
                yield digest, tags

    def _reason_to_stay(self, digest: str) -> str:
        """Return why a manifest stays, whatever others do; "" if nothing keeps it."""
        tags = self._tags.get(digest, ())
        kinds = {self._kind(tag) for tag in tags}
        if digest in self.references.kept:
            return RECORD
        if digest in self.references.parents:
            return PARENT
        if not self.references.chart_tags.isdisjoint(tags):
            return CHART
        if PEOPLE in kinds and not self._has_ended(digest):
            return LIVING
        was_released = digest in self.references.released or kinds & {PEOPLE, RELEASE}
        if not was_released and FINGERPRINT in kinds and not self.orphans:
            return NEW
        return ""

    def _has_ended(self, digest: str) -> bool:
        """Whether a release line of a manifest, or of a member of an index, ended long ago."""
        target = self.references.released.get(digest, "")
        members = (digest, *(item for item in self.state.blobs[digest] if item in self._tags))
        for tag in (tag for member in members for tag in self._tags.get(member, ())):
            if not target and self._kind(tag) == FINGERPRINT:
                target = self.target_of(self.state.repository.with_tag(tag))
        return self.release_lines.has_ended(target)

    def _is_unneeded(self, tag: str, stays: Collection[str]) -> bool:
        """Whether no manifest that stays needs the metadata or signature of this tag."""
        if self._kind(tag) == SIGNATURE:
            return retention.subject(tag) not in stays
        image = retention.image_of(tag)
        if image in self.state.tags:
            return self.state.tags[image] not in stays
        # It was pushed just before its image, or left by a run that removed the image.
        return image in self.references.stale_fingerprint_tags or self.orphans

    def _reason_to_remove(self, digest: str) -> str:
        tags = self._tags.get(digest, ())
        kinds = {self._kind(tag) for tag in tags}
        if kinds and kinds <= {METADATA, SIGNATURE}:
            return ABOUT
        if PEOPLE in kinds:
            return ENDED
        return OLD if digest in self.references.released or RELEASE in kinds else ORPHAN
