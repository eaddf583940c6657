"""What a person names to compare: a release, a lock, or an image by tag or digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from builder import evidence, release
from builder.difference import Difference, Side, compare, lock_side
from builder.errors import SelectionError
from builder.history import History
from builder.model import Catalog
from builder.ports import Images, Store
from builder.reference import Reference
from builder.reference import parse as parse_reference
from builder.release import Record, ReleasedTarget
from builder.shared import Image
from builder.text import did_you_mean

_AT_ONCE = 8
_DIGEST = re.compile(r"sha256:[0-9a-f]{7,64}")  # the report shows the first digits only
_HOST = re.compile(r"[^/]*[.:][^/]*/|localhost/")
ReadLock = Callable[[str], Mapping[str, Any] | None]
"""The lock in a file, as data; None where there is no such file."""


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
        store: Store,
        images: Images,
        read_lock: ReadLock,
    ) -> None:
        self._matrix = catalog.matrix
        self._history = history
        self._store = store
        self._images = images
        self._read_lock = read_lock

    def compare(self, old: str, new: str) -> Difference:
        """What differs. Raises SelectionError where a name is none, or the two are no pair."""
        sides = self._find(old), self._find(new)
        match sides:
            case Record(), Record():
                return self._history.compare(*sides)
            case _Images(), _Images():
                return compare(*_paired(*sides))
            case _Images() as images, Record() as record:
                return compare(*_paired(images, self._of_release(record, images)))
            case Record() as record, _Images() as images:
                return compare(*_paired(self._of_release(record, images), images))
            case _ if any(isinstance(side, _Images) for side in sides):
                raise SelectionError(
                    "a lock and an image cannot be compared",
                    hint="name two locks, two images, or a release on one side",
                )
        locks = [
            side if isinstance(side, Side) else lock_side(side.release, side.lock)
            for side in sides
            if not isinstance(side, _Images)
        ]
        return compare(*locks)

    def _find(self, text: str) -> Record | Side | _Images:
        if text == release.CURRENT or release.is_name(text):
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
        for record in self._history.back(self._history.record(release.CURRENT)):
            digests = {target.digest: target for target in record.targets.values()}
            for cell in record.cells.values():
                digests[cell.digest] = record.targets[next(iter(cell.targets.values()))]
            for digest, target in digests.items():
                if digest.startswith(text):
                    return self._history.place(target).at(digest)
        raise SelectionError(
            f"no release has an image {text}", hint="name its repository too: IMAGE@sha256:…"
        )

    def _of_reference(self, text: str, place: Reference) -> _Images:
        configs = self._images.configs(place)
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
        for record in self._history.back(self._history.record(release.CURRENT)):
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
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            held = dict(zip(places, pool.map(self._store.digest, places), strict=True))
        same = [item for item in places if held[item] == digest]
        layers = self._images.layers(place.at(digest))
        return Image(
            name=place.repository,
            digest=digest,
            size=sum(layer.size for layer in layers),
            packages=evidence.read(self._store, same[0]).packages if same else None,
            config=config,
        )

    def _of_release(self, record: Record, images: _Images) -> _Images:
        """The same targets, in a release."""
        found = {}
        for platform, one in images.found.items():
            if one.target not in record.targets:
                what = f"no target {one.target}" if one.target else f"nothing like {images.text}"
                raise SelectionError(f"release {record.release} has {what}")
            image = self._history.image(record.targets[one.target])
            found[platform] = _Found(target=one.target, image=image)
        return _Images(text=record.release, found=found)


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
