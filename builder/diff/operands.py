"""What a person names to compare: a release, a lock, or an image by tag or digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder.build import attestation
from builder.catalog.models import Catalog
from builder.common.errors import SelectionError
from builder.common.parallel import by_item
from builder.common.text import did_you_mean
from builder.diff.changes import Image
from builder.diff.compare import Difference, Side, compare, lock_side
from builder.diff.history import History
from builder.lock.lockfile import Lock
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedTarget

_DIGEST = re.compile(r"sha256:[0-9a-f]{7,64}")  # the report shows the first digits only
_HOST = re.compile(r"[^/]*[.:][^/]*/|localhost/")
ReadLock = Callable[[str], Lock | None]
"""Reads the lock in a file; None where there is no such file."""


@dataclass(frozen=True, kw_only=True)
class _Found:
    """An image that a reference names; `target` is its id, "" where no release has it."""

    target: str
    image: Image


@dataclass(frozen=True, kw_only=True)
class _Images:
    """What a reference names, by platform: an image, or all those of an index."""

    text: str
    found: Mapping[str, _Found]


class Comparison:
    """Compares any two of them."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        history: History,
        store: Registry,
        read_lock: ReadLock,
    ) -> None:
        self._matrix = catalog.matrix
        self._history = history
        self._store = store
        self._read_lock = read_lock

    def compare(self, old: str, new: str) -> Difference:
        """What differs. Raises SelectionError where a name is none, or the two are no pair."""
        left, right = self._find(old), self._find(new)
        if isinstance(left, Record) and isinstance(right, Record):
            return self._history.compare(left, right)
        if isinstance(left, _Images):
            return compare(*_paired(left, self._images_like(left, right)))
        if isinstance(right, _Images):
            return compare(*_paired(self._images_like(right, left), right))
        return compare(_lock_of(left), _lock_of(right))

    def _find(self, text: str) -> Record | Side | _Images:
        if text == release_record.CURRENT or release_record.is_name(text):
            return self._history.record(text)
        lock = self._read_lock(text)
        if lock is not None:
            return lock_side(text, lock)
        return self._of_reference(text, self._reference(text))

    def _reference(self, text: str) -> Reference:
        """Where an image is that is named by a digest, by the catalog's name of it, or in full."""
        if _DIGEST.fullmatch(text):
            return self._by_digest(text)
        for image in self._matrix.images:
            if text.startswith((f"{image}:", f"{image}@")):
                return parse_reference(self._matrix.repository_of(image) + text[len(image) :])
        if _HOST.match(text):
            place = parse_reference(text)
            if place.tag or place.digest:
                return place
        elif text not in self._matrix.images:
            known = ["current", *self._history.releases, *self._matrix.images]
            word = re.match(r"[^:@]*", text)
            raise SelectionError(
                f"{text!r} is no release, no lock, no tag and no digest",
                hint=did_you_mean(word[0] if word else text, known),
            )
        raise SelectionError(f"{text!r} names no tag", hint=f"{text}:TAG, or {text}@sha256:…")

    def _by_digest(self, text: str) -> Reference:
        """The image of any release whose digest begins so."""
        for record in self._history.back(self._history.record(release_record.CURRENT)):
            digests = {target.digest: target for target in record.targets.values()}
            for variant in record.variants.values():
                digests[variant.digest] = record.targets[next(iter(variant.targets.values()))]
            for digest, target in digests.items():
                if digest.startswith(text):
                    return self._history.place(target).at(digest)
        raise SelectionError(
            f"no release has an image {text}", hint="name its repository too: IMAGE@sha256:…"
        )

    def _of_reference(self, text: str, place: Reference) -> _Images:
        configs = self._store.configs(place)
        if not configs:
            tags = [tag for tag in self._store.tags(place.name) if not tag.startswith("fp-")]
            word = place.tag or place.digest
            raise SelectionError(f"{place} is not there", hint=did_you_mean(word, tags))
        if any("rootfs" not in config for config in configs.values()):
            raise SelectionError(f"{place} is not an image")
        known = self._released(set(configs))
        found = {}
        for digest, config in configs.items():
            target, released = known.get(digest, ("", None))
            if released is not None:
                image = replace(self._history.image(released), config=config)
            else:
                image = self._unreleased(place, digest, config)
            found[_platform(config)] = _Found(target=target, image=image)
        return _Images(text=text, found=found)

    def _released(self, digests: set[str]) -> dict[str, tuple[str, ReleasedTarget]]:
        """The targets of these digests, in the newest release that has each."""
        known: dict[str, tuple[str, ReleasedTarget]] = {}
        if not self._history.releases:
            return known
        for record in self._history.back(self._history.record(release_record.CURRENT)):
            for key, target in record.targets.items():
                if target.digest in digests:
                    known.setdefault(target.digest, (key, target))
            if len(known) == len(digests):
                break
        return known

    def _unreleased(self, place: Reference, digest: str, config: Mapping[str, Any]) -> Image:
        """An image that no release has: what it was built from may be known by its fp-tag."""
        tags = [tag for tag in self._store.tags(place.name) if tag.startswith("fp-")]
        places = [place.with_tag(tag) for tag in tags if not tag.endswith(".evidence")]
        if place.tag.startswith("fp-"):
            places = [place.with_tag(place.tag)]
        held = by_item(self._store.digest, places)
        same = [item for item in places if held[item] == digest]
        layers = self._store.layers(place.at(digest))
        return Image(
            name=place.repository,
            digest=digest,
            size=sum(layer.size for layer in layers),
            packages=attestation.read(self._store, same[0]).packages if same else None,
            config=config,
        )

    def _images_like(self, images: _Images, other: Record | Side | _Images) -> _Images:
        """What is to be compared with images: others, or the same targets of a release."""
        if isinstance(other, _Images):
            return other
        if isinstance(other, Side):
            raise SelectionError(
                "a lock and an image cannot be compared",
                hint="name two locks, two images, or a release on one side",
            )
        found = {}
        for platform, one in images.found.items():
            if one.target not in other.targets:
                what = f"no target {one.target}" if one.target else f"nothing like {images.text}"
                raise SelectionError(f"release {other.release} has {what}")
            image = self._history.image(other.targets[one.target])
            found[platform] = _Found(target=one.target, image=image)
        return _Images(text=other.release, found=found)


def _lock_of(side: Record | Side) -> Side:
    return side if isinstance(side, Side) else lock_side(side.release, side.lock)


def _platform(config: Mapping[str, Any]) -> str:
    parts = [config.get(key) for key in ("os", "architecture", "variant")]
    return "/".join(part for part in parts if part)


def _paired(old: _Images, new: _Images) -> tuple[Side, Side]:
    """Two sides with a name for each image: that of its target, or its platform's.

    One image is compared with one other, whatever the two are.
    """
    alone = len(old.found) == len(new.found) == 1
    name = next((one.target or platform for platform, one in new.found.items()), "")

    def side(images: _Images) -> Side:
        found = {platform: one.image for platform, one in images.found.items()}
        if alone:
            found = dict(zip([name], found.values(), strict=True))
        return Side(name=images.text, noun="image", images=found)

    return side(old), side(new)
