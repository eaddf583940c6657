"""Find what a person names to compare: a release, a lock, or an image by tag or digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

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
from builder.plan import image_metadata
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedTarget

_DIGEST = re.compile(r"sha256:[0-9a-f]{7,64}")  # the report shows the first digits only
_HOST = re.compile(r"[^/]*[.:][^/]*/|localhost/")
ReadLock = Callable[[str], Lock | None]
"""Reads the lock in a file; None where there is no such file."""


@dataclass(frozen=True, kw_only=True)
class _NamedImage:
    """An image that a reference names. `target` is its id, "" where no release has it."""

    target: str
    image: Image


@dataclass(frozen=True, kw_only=True)
class _NamedImages:
    """The images that a reference names, by platform: one, or all those of an index."""

    text: str
    images: Mapping[str, _NamedImage]


class Comparison:
    """Compares any two of these."""

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
        """Return what differs.

        Raises SelectionError if a name is unknown, or the two cannot be compared.
        """
        left, right = self._find(old), self._find(new)
        if isinstance(left, Record) and isinstance(right, Record):
            return self._history.compare(left, right)
        if isinstance(left, _NamedImages):
            return compare(*_paired(left, self._images_like(left, right)))
        if isinstance(right, _NamedImages):
            return compare(*_paired(self._images_like(right, left), right))
        return compare(_lock_of(left), _lock_of(right))

    def _find(self, text: str) -> Record | Side | _NamedImages:
        if text == release_record.CURRENT or release_record.is_name(text):
            return self._history.record(text)
        lock = self._read_lock(text)
        if lock is not None:
            return lock_side(text, lock)
        return self._of_reference(text, self._reference(text))

    def _reference(self, text: str) -> Reference:
        """Return the reference of an image: by digest, by its name in the catalog, or in full."""
        if _DIGEST.fullmatch(text):
            return self._by_digest(text)
        for image in self._matrix.images:
            if text.startswith((f"{image}:", f"{image}@")):
                return parse_reference(self._matrix.repository_of(image) + text[len(image) :])
        if _HOST.match(text):
            reference = parse_reference(text)
            if reference.tag or reference.digest:
                return reference
        elif text not in self._matrix.images:
            names = ["current", *self._history.releases, *self._matrix.images]
            name = re.match(r"[^:@]*", text)
            raise SelectionError(
                f"{text!r} is not a release, a lock, a tag or a digest",
                hint=did_you_mean(name[0] if name else text, names),
            )
        raise SelectionError(f"{text!r} names no tag", hint=f"{text}:TAG, or {text}@sha256:…")

    def _by_digest(self, text: str) -> Reference:
        """Return the image of any release whose digest begins with `text`."""
        for record in self._history.back(self._history.record(release_record.CURRENT)):
            digests = {target.digest: target for target in record.targets.values()}
            for variant in record.variants.values():
                digests[variant.digest] = record.targets[next(iter(variant.targets.values()))]
            for digest, target in digests.items():
                if digest.startswith(text):
                    return self._history.repository(target).at(digest)
        raise SelectionError(
            f"no release has an image {text}", hint="name its repository too: IMAGE@sha256:…"
        )

    def _of_reference(self, text: str, reference: Reference) -> _NamedImages:
        configs = self._store.configs(reference)
        if not configs:
            tags = [tag for tag in self._store.tags(reference.name) if not tag.startswith("fp-")]
            label = reference.tag or reference.digest
            raise SelectionError(
                f"{reference} is not in the registry", hint=did_you_mean(label, tags)
            )
        if any("rootfs" not in config for config in configs.values()):
            raise SelectionError(f"{reference} is not an image")
        released_targets = self._released(set(configs))
        images = {}
        for digest, config in configs.items():
            target, released = released_targets.get(digest, ("", None))
            if released is not None:
                image = replace(self._history.image(released), config=config)
            else:
                image = self._unreleased(reference, digest, config)
            images[_platform(config)] = _NamedImage(target=target, image=image)
        return _NamedImages(text=text, images=images)

    def _released(self, digests: set[str]) -> dict[str, tuple[str, ReleasedTarget]]:
        """Return the targets of these digests, in the newest release that has each."""
        targets_by_digest: dict[str, tuple[str, ReleasedTarget]] = {}
        if not self._history.releases:
            return targets_by_digest
        for record in self._history.back(self._history.record(release_record.CURRENT)):
            for key, target in record.targets.items():
                if target.digest in digests:
                    targets_by_digest.setdefault(target.digest, (key, target))
            if len(targets_by_digest) == len(digests):
                break
        return targets_by_digest

    def _unreleased(self, reference: Reference, digest: str, config: Mapping[str, Any]) -> Image:
        """Return an image that no release has; its packages are known if an fp-tag names it."""
        tags = [tag for tag in self._store.tags(reference.name) if tag.startswith("fp-")]
        fingerprints = [reference.with_tag(tag) for tag in tags if not tag.endswith(".evidence")]
        if reference.tag.startswith("fp-"):
            fingerprints = [reference.with_tag(reference.tag)]
        digests = by_item(self._store.digest, fingerprints)
        same = [item for item in fingerprints if digests[item] == digest]
        layers = self._store.layers(reference.at(digest))
        return Image(
            name=reference.repository,
            digest=digest,
            size=sum(layer.size for layer in layers),
            packages=image_metadata.read(self._store, same[0]).packages if same else None,
            config=config,
        )

    def _images_like(
        self, named: _NamedImages, other: Record | Side | _NamedImages
    ) -> _NamedImages:
        """Return what to compare images with: other images, or the same targets of a release."""
        if isinstance(other, _NamedImages):
            return other
        if isinstance(other, Side):
            raise SelectionError(
                "a lock and an image cannot be compared",
                hint="name two locks, two images, or a release on one side",
            )
        images = {}
        for platform, item in named.images.items():
            if item.target not in other.targets:
                lack = f"no target {item.target}" if item.target else f"no image like {named.text}"
                raise SelectionError(f"release {other.release} has {lack}")
            image = self._history.image(other.targets[item.target])
            images[platform] = _NamedImage(target=item.target, image=image)
        return _NamedImages(text=other.release, images=images)


def _lock_of(side: Record | Side) -> Side:
    return side if isinstance(side, Side) else lock_side(side.release, side.lock)


def _platform(config: Mapping[str, Any]) -> str:
    parts = [config.get(key) for key in ("os", "architecture", "variant")]
    return "/".join(part for part in parts if part)


def _paired(old: _NamedImages, new: _NamedImages) -> tuple[Side, Side]:
    """Return two sides with images by target id, or by platform where no release has them.

    If each side has one image, these two are compared, whatever they are.
    """
    alone = len(old.images) == len(new.images) == 1
    name = next((item.target or platform for platform, item in new.images.items()), "")

    def side(named: _NamedImages) -> Side:
        images = {platform: item.image for platform, item in named.images.items()}
        if alone:
            images = dict(zip([name], images.values(), strict=True))
        return Side(name=named.text, noun="image", images=images)

    return side(old), side(new)
