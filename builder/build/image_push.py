"""Pushes an image that passed its tests, with its metadata.

The first push of a tag wins. Results are never stored for another image than the one that was
tested: where the tag names another, it stays, and the step fails. Only an image with the same
configuration and the same uncompressed layers, which another engine compressed, counts as the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder.catalog.models import Network
from builder.common.archives import digests
from builder.common.errors import DamagedError, DifferenceError, StepError
from builder.engines.interfaces import Built
from builder.lock.lockfile import BaseLock
from builder.network.upstreams import image_reference
from builder.oci import layout as layouts
from builder.oci.image import ImageLayer
from builder.oci.reference import Reference
from builder.plan import image_metadata
from builder.plan.fingerprint import Fingerprint
from builder.plan.image_check import ImageCheck
from builder.plan.image_metadata import ImageMetadata
from builder.registry.interfaces import Artifact, Registry
from builder.trust.seals import BASE, IMAGE, PLAIN, Seals

_BESIDE = ("", ".sig", ".att", ".sbom")
"""The ends of the tags, after its digest, at which things are stated of an image: what refers to it
in a registry that lists none by itself (OCI 1.1), and what cosign keeps."""
_DESCRIPTIVE = ("created", "author", "history")
"""The keys of a configuration that say how an engine built it; nothing of them is run."""


@dataclass(frozen=True, kw_only=True)
class TestedImage:
    """An image that passed its tests. `image` has the tag that it gets, `parent` a digest."""

    __test__ = False  # else pytest takes it for a class of tests

    target: str  # its id
    image: Reference
    parent: Reference
    built: Built
    fingerprint: Fingerprint
    metadata: ImageMetadata
    junit: bytes
    packages: bytes

    def artifact(self, metadata: ImageMetadata) -> Artifact:
        """Return what the registry stores beside the image."""
        return image_metadata.artifact(metadata, self.fingerprint, self.junit, self.packages)


@dataclass(frozen=True, kw_only=True)
class ImagePush:
    """Pushes to a registry. `blob_file` returns where a layer of it is kept to be compared."""

    store: Registry
    repository_of: Callable[[str], str]
    blob_file: Callable[[str], Path]
    trust: Seals = PLAIN

    def push(self, tested: TestedImage) -> str:
        """Push an image, its metadata first, and sign it; return the digest that the tag names.

        Raises DifferenceError where it names an image with other content.
        """
        digest = self._push_unsigned(tested)
        self.sign_target(tested.image, digest, tested.target, tested.fingerprint)
        return digest

    def sign_target(
        self, image: Reference, digest: str, target: str, fingerprint: Fingerprint
    ) -> None:
        """Sign the image of a target that is in the registry, if the catalog wants that."""
        self.trust.sign(
            self.store, image, digest, IMAGE, target=target, fingerprint=fingerprint.digest
        )

    def _push_unsigned(self, tested: TestedImage) -> str:
        """Push an image, its metadata first; return the digest that the tag names then.

        Raises DifferenceError where it names an image with other content.
        """
        reference = image_metadata.reference_of(tested.image)
        digest, before = self.store.digest(tested.image), None
        if digest in {None, tested.built.digest}:
            before = self.store.digest(reference)
            self.store.put(tested.artifact(tested.metadata), reference)
            digest = self.store.push(tested.built.layout, tested.image, tested.parent)
            if digest == tested.built.digest:
                return digest
        if before is not None:  # it is of whoever was faster
            self.store.copy(reference.at(before), reference)
        assert digest is not None
        self._check_same(tested.image, digest, tested.built.layout)
        images = ImageCheck(self.store, self.repository_of, trust=self.trust)
        if images.problem(tested.image, digest, tested.fingerprint.digest):
            # All that was tested is in it: its configuration and every file.
            size = sum(self.store.blobs(tested.image.at(digest)).values())
            metadata = replace(tested.metadata, digest=digest, size=size)
            self.store.put(tested.artifact(metadata), reference)
        return digest

    def push_base(self, layout: Path, image: Reference) -> str:
        """Push a base image; return the digest that the tag names then.

        Raises DifferenceError where it names an image with other content.
        """
        digest = self.store.push(layout, image)
        self._check_same(image, digest, layout)
        self.trust.sign(self.store, image, digest, BASE)
        return digest

    def mirror(self, lock: BaseLock, network: Network, image: Reference) -> str:
        """Copy an upstream's image as it is locked, with all its platforms; return its digest.

        Nothing is copied by a tag. Its signatures come with it, where upstream has them as tags.
        Raises DifferenceError where `image` names other content.
        """
        source = image_reference(lock.source.value, network.mirrors)
        found = self.store.digest(image)
        check_mirrored(image, found, lock.content)
        if found is None:
            self.store.copy(source.at(lock.content), image)
        copy_beside(self.store, source.at(lock.content), image)
        self.trust.sign(self.store, image, lock.content, BASE)
        return lock.content

    def _check_same(self, image: Reference, digest: str, layout: Path) -> None:
        """Raise DifferenceError unless an image in the registry has the content of a layout."""
        own = str(layouts.entry(layout)["digest"])
        if digest != own and not self._is_same(image.at(digest), layout):
            raise DifferenceError(
                f"{image} exists with another digest: {digest}, and this run made {own}",
                hint="it stays: find out who pushed it, remove it from the registry, and run it"
                " again",
            )

    def _is_same(self, image: Reference, layout: Path) -> bool:
        """Whether an image has the content of a layout; its layers are read where they differ."""
        try:
            config = self.store.configs(image).get(image.digest)
            if config is None or _run(config) != _run(layouts.config_in(layout)):
                return False
            pairs = zip(self.store.layers(image), layouts.layers_in(layout), strict=True)
            return all(
                theirs.digest == ours.digest or self._has_content(image, theirs, ours.diff)
                for theirs, ours in pairs
            )
        except DamagedError:
            return False

    def _has_content(self, image: Reference, layer: ImageLayer, diff: str) -> bool:
        """Whether the blob of a layer is what its image says: nobody else looks at that."""
        file = self.blob_file(layer.digest)
        try:
            self.store.blob(image, layer, file)
            with contextlib.suppress(StepError):  # it cannot be unpacked
                return digests(file, layer.size, str(image))[1] == diff
            return False
        finally:
            file.unlink(missing_ok=True)


def copy_beside(store: Registry, source: Reference, image: Reference) -> None:
    """Copy what is signed and stated of an image, given by its digest, where it has a tag."""
    for kind in _BESIDE:
        beside = f"{source.digest.replace(':', '-')}{kind}"
        if stated := store.digest(source.with_tag(beside)):
            store.copy(source.at(stated), image.with_tag(beside))


def check_mirrored(image: Reference, found: str | None, locked: str) -> None:
    """Raise DifferenceError where a tag names another image than the one that is locked."""
    if found not in {None, locked}:
        raise DifferenceError(
            f"{image} exists with another digest: {found}, and {locked} is locked",
            hint="it stays: find out who pushed it, remove it from the registry, and run it again",
        )


def _run(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what describes how it was built."""
    return {key: value for key, value in config.items() if key not in _DESCRIPTIVE}
