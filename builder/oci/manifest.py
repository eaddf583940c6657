"""Reads manifests, and checks them: digests become paths, sizes become bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.common.errors import DamagedError
from builder.common.hashing import is_digest
from builder.common.limits import INDEX_MANIFESTS

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
KINDS = (
    MANIFEST,
    INDEX,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A manifest, or an index of manifests: its bytes, and the document in them.

    `name` is what errors call it, and `hint` what mends it. Every method raises StepError if the
    manifest is not valid.
    """

    name: str
    digest: str
    kind: str
    content: bytes
    document: Mapping[str, Any]
    hint: str = "push it again, or remove it"

    @property
    def is_index(self) -> bool:
        """Whether it is an index."""
        return "manifests" in self.document

    @property
    def config(self) -> Mapping[str, Any]:
        """Return the descriptor of its configuration."""
        return self._descriptor(self.document.get("config"), "config")

    @property
    def layers(self) -> tuple[Mapping[str, Any], ...]:
        """Return the descriptors of its layers, or of an artifact's files, in their order."""
        return self._descriptors("layers")

    @property
    def manifests(self) -> tuple[Mapping[str, Any], ...]:
        """Return the descriptors of the manifests of an index."""
        descriptors = self._descriptors("manifests")
        if len(descriptors) > INDEX_MANIFESTS:
            raise self.wrong(f"it lists more than {INDEX_MANIFESTS:,} manifests")
        return descriptors

    @property
    def annotations(self) -> dict[str, str]:
        """Return its annotations."""
        return self._texts(self.document.get("annotations") or {}, "annotations")

    def annotations_of(self, descriptor: Mapping[str, Any]) -> dict[str, str]:
        """Return the annotations of a descriptor."""
        return self._texts(descriptor.get("annotations") or {}, "annotations of a descriptor")

    def wrong(self, problem: str) -> DamagedError:
        """Return the error of a manifest that is not valid."""
        return DamagedError(f"{self.name}: its manifest is damaged: {problem}", hint=self.hint)

    def _descriptors(self, name: str) -> tuple[Mapping[str, Any], ...]:
        value = self.document.get(name) or []
        if not isinstance(value, list):
            raise self.wrong(f"`{name}` is not a list")
        return tuple(self._descriptor(item, name) for item in value)

    def _descriptor(self, value: object, name: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(f"`{name}` has no descriptor")
        digest, size = value.get("digest"), value.get("size")
        if not is_digest(digest):
            raise self.wrong(f"`{name}` has no digest of sha256 or sha512")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise self.wrong(f"`{name}` has no size")
        if not isinstance(value.get("mediaType"), str):
            raise self.wrong(f"`{name}` has no mediaType")
        return value

    def _texts(self, value: object, name: str) -> dict[str, str]:
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise self.wrong(f"`{name}` has values that are not strings")
        return value
