"""What the builder needs of registries. Each protocol has one fake, under the same tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from builder.oci.image import ImageLayer
from builder.oci.reference import Reference


class Removals(Protocol):
    """How things leave registries; raises as a Store does."""

    def blobs(self, reference: Reference) -> Mapping[str, int]:
        """What a manifest names, itself included: digest to bytes; nothing where it is gone."""

    def delete(self, reference: Reference) -> bool:
        """Remove a manifest by its digest, with all its tags; False where it is gone."""

    def untag(self, reference: Reference) -> bool:
        """Remove a tag; False where the registry removes no tag by itself.

        Some registries take the manifest for it, with all its tags: try it on what may go.
        """


@dataclass(frozen=True, kw_only=True)
class Blob:
    """Content with its media type."""

    kind: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Something that is not an image, kept beside images. `files` maps a title to its content."""

    kind: str  # the media type of its config, which says what it is
    files: Mapping[str, Blob]
    config: bytes = b"{}"
    annotations: Mapping[str, str] = field(default_factory=dict)


class Store(Protocol):
    """One or more registries. Every method raises TransientError, ConflictError or StepError."""

    def tags(self, repository: str) -> tuple[str, ...]:
        """The tags of `registry/repository`, sorted; none where it does not exist."""

    def digest(self, reference: Reference) -> str | None:
        """The digest of a manifest, or None where there is none."""

    def push(self, layout: Path, reference: Reference, parent: Reference | None = None) -> str:
        """Push an OCI layout as it is; the digest that the tag has afterwards.

        Blobs that the layout lacks are those of `parent`, which is in the same registry.
        """

    def copy(self, source: Reference, target: Reference) -> None:
        """Make `target` name the manifest of `source`; layers move only between repositories."""

    def put(self, artifact: Artifact, reference: Reference) -> str:
        """Push an artifact; its digest."""

    def get(self, reference: Reference) -> Artifact | None:
        """An artifact, or None where there is none."""


class Images(Protocol):
    """What registries do with images beside what a Store does, and raise as it does."""

    def layers(self, reference: Reference) -> tuple[ImageLayer, ...]:
        """The layers of an image, the lowest first. Raises StepError where it is not there."""

    def blob(self, reference: Reference, digest: str, file: Path) -> None:
        """Write a blob of an image to a file. Raises StepError where it is not there."""

    def configs(self, reference: Reference) -> Mapping[str, Mapping[str, Any]]:
        """The configuration of an image, or of each of an index, by digest; empty: not there."""

    def put_index(self, manifests: Mapping[str, str], place: Reference) -> str:
        """Push an index of digests that `place` has, by platform, under no tag; its digest."""
