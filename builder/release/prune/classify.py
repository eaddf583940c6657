"""What stands in a repository, and what of it is garbage.

A digest goes only when no kept record, exact tag of a living line, or listed chart names it. On
most registries it goes with all its tags, so that one tag which stays keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from builder.oci.reference import Reference
from builder.release.prune import retention
from builder.release.prune.retention import EVIDENCE, FINGERPRINT, PEOPLE, RELEASE, SIGNATURE, Lines

RECORD = "named by a kept release"
CHART = "named by a listed chart"
LIVING = "what people pull of a living line"
NEW = "never released"
MEMBER = "part of an index that stays"
BESIDE = "said of an image that stays"

OLD = "only releases that go named it"
ENDED = "its line ended"
ORPHAN = "no release named it"
ABOUT = "said of an image that goes"

_ORDER = (OLD, ENDED, ORPHAN, ABOUT)
"""What is said of an image goes after it, so that none is ever without."""


@dataclass(frozen=True, kw_only=True)
class Removal:
    """A manifest that goes, with all its tags; `size` is in bytes, of all that it names."""

    reference: Reference
    tags: tuple[str, ...]
    size: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Named:
    """What records and charts say of a repository.

    `kept` are digests that kept releases name. `known` maps every digest that any release names to
    its target, or to "". `charted` are tags that listed charts name, `standing` those that kept
    releases stand for. `prints` are the fp-tags that only releases which go name.
    """

    kept: frozenset[str] = frozenset()
    known: Mapping[str, str] = field(default_factory=dict)
    charted: frozenset[str] = frozenset()
    standing: frozenset[str] = frozenset()
    prints: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Held:
    """A repository as it was found: digests by tag, blobs by digest, those of untagged ones too."""

    place: Reference
    tags: Mapping[str, str]
    blobs: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Judges a repository. `target_of` says whose a fp-tag is that no release names, or ""."""

    held: Held
    named: Named
    lines: Lines
    target_of: Callable[[Reference], str]
    chart: bool = False
    orphans: bool = False

    @cached_property
    def stays(self) -> dict[str, str]:
        """Why each digest that stays does."""
        found: dict[str, str] = {}
        for digest in self.held.blobs:
            if reason := self._keeps(digest):
                found[digest] = reason
        for digest in list(found):
            for member in self.held.blobs[digest]:
                if member in self.held.blobs:
                    found.setdefault(member, MEMBER)
        for digest, tags in self._beside():
            if not all(self._is_left(tag, found) for tag in tags):
                found[digest] = BESIDE
        return found

    @property
    def removals(self) -> tuple[Removal, ...]:
        """What goes, in the order in which it is to go."""
        found = [
            Removal(
                reference=self.held.place.at(digest),
                tags=self._tags.get(digest, ()),
                size=sum(blobs.values()),
                reason=self._reason(digest),
            )
            for digest, blobs in self.held.blobs.items()
            if digest not in self.stays
        ]
        return tuple(sorted(found, key=lambda one: (_ORDER.index(one.reason), one.tags)))

    @property
    def loose(self) -> tuple[Reference, ...]:
        """Tags of releases that go, of digests that stay."""
        return tuple(
            self.held.place.with_tag(tag)
            for tag, digest in self.held.tags.items()
            if digest in self.stays
            and not self.chart
            and self._kind(tag) == RELEASE
            and tag not in self.named.charted | self.named.standing
        )

    @cached_property
    def _tags(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for tag, digest in sorted(self.held.tags.items()):
            found[digest] = (*found.get(digest, ()), tag)
        return found

    def _kind(self, tag: str) -> str:
        return retention.kind(tag, chart=self.chart)

    def _beside(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What is said of images, by its digest, with its tags."""
        for digest, tags in self._tags.items():
            if {self._kind(tag) for tag in tags} <= {EVIDENCE, SIGNATURE}:
                yield digest, tags

    def _keeps(self, digest: str) -> str:
        """Why a digest stays for its own sake, or nothing."""
        tags = self._tags.get(digest, ())
        kinds = {self._kind(tag) for tag in tags}
        if digest in self.named.kept:
            return RECORD
        if not self.named.charted.isdisjoint(tags):
            return CHART
        if PEOPLE in kinds and not self._has_ended(digest):
            return LIVING
        was_released = digest in self.named.known or kinds & {PEOPLE, RELEASE}
        if not was_released and FINGERPRINT in kinds and not self.orphans:
            return NEW
        return ""

    def _has_ended(self, digest: str) -> bool:
        target = self.named.known.get(digest, "")
        members = (digest, *(item for item in self.held.blobs[digest] if item in self._tags))
        for tag in (tag for member in members for tag in self._tags.get(member, ())):
            if not target and self._kind(tag) == FINGERPRINT:
                target = self.target_of(self.held.place.with_tag(tag))
        return self.lines.has_ended(target)

    def _is_left(self, tag: str, stays: Collection[str]) -> bool:
        """Whether nothing that stays needs what a tag says of an image."""
        if self._kind(tag) == SIGNATURE:
            return retention.subject(tag) not in stays
        image = tag.removesuffix(".evidence")
        if image in self.held.tags:
            return self.held.tags[image] not in stays
        # Pushed just before its image, or left by a run that removed that.
        return image in self.named.prints or self.orphans

    def _reason(self, digest: str) -> str:
        tags = self._tags.get(digest, ())
        kinds = {self._kind(tag) for tag in tags}
        if kinds and kinds <= {EVIDENCE, SIGNATURE}:
            return ABOUT
        if PEOPLE in kinds:
            return ENDED
        return OLD if digest in self.named.known or RELEASE in kinds else ORPHAN
