"""The interface of registries: the real adapter and the fake pass the same contract tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from builder.oci.image import ImageLayer
from builder.oci.reference import Reference


@dataclass(frozen=True, kw_only=True)
class Blob:
    """Content with its media type."""

    kind: str
    data: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)  # of its descriptor


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Something that is not an image and is kept in a registry.

    `files` is content by title; one without a title has its digest, and its place where several
    have the same.
    """

    kind: str  # the media type of its config: the type of the artifact
    files: Mapping[str, Blob]
    config: bytes = b"{}"
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Content of an artifact that was not fetched yet. `size` is in bytes."""

    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)  # of its descriptor


@dataclass(frozen=True, kw_only=True)
class Summary:
    """An artifact without its content. `files` are by title."""

    config: Part
    files: Mapping[str, Part]


class Registry(Protocol):
    """One or more registries. Every method raises TransientError, ConflictError or StepError."""

    # Tags and manifests.

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags of `registry/repository`, sorted; none where it does not exist."""

    def digest(self, reference: Reference) -> str | None:
        """Return the digest of a manifest, or None where there is none."""

    def copy(self, source: Reference, target: Reference) -> None:
        """Make `target` name the manifest of `source`; layers move only between repositories."""

    def blobs(self, reference: Reference) -> Mapping[str, int]:
        """Return the size of each blob of a manifest, itself included; empty where it is gone."""

    def delete(self, reference: Reference) -> bool:
        """Remove a manifest by its digest, with all its tags; False where it is gone."""

    def untag(self, reference: Reference) -> bool:
        """Remove a tag; False where the registry cannot remove a single tag.

        Some registries remove the manifest instead, with all its tags: try it on one that may go.
        """

    # Images.

    def push(self, layout: Path, reference: Reference, parent: Reference | None = None) -> str:
        """Push an OCI layout unchanged; return the digest that the tag has afterwards.

        Blobs that the layout lacks are those of `parent`, which is in the same registry.
        """

    def export(self, reference: Reference, layout: Path, name: str) -> None:
        """Add an image, with the layers of its parents, to an OCI layout, tagged `name` there."""

    def layers(self, reference: Reference) -> tuple[ImageLayer, ...]:
        """Return the layers of an image, the lowest first. Raises StepError if it is missing."""

    def configs(self, reference: Reference) -> Mapping[str, Mapping[str, Any]]:
        """Return the configuration of an image, or of each image of an index, by digest.

        Empty where there is no such manifest.
        """

    def blob(self, reference: Reference, layer: ImageLayer, file: Path) -> None:
        """Write the blob of a layer to a file. Raises StepError unless it is there, as stated."""

    def put_index(self, manifests: Mapping[str, str], repository: Reference) -> str:
        """Push an index, without a tag, of digests by platform that are there; return its digest.

        The digests are of manifests in `repository`.
        """

    # Artifacts.

    def put(self, artifact: Artifact, reference: Reference) -> str:
        """Push an artifact; return its digest."""

    def get(self, reference: Reference) -> Artifact | None:
        """Return an artifact, or None where there is none."""

    def summary(self, reference: Reference) -> Summary | None:
        """Return an artifact without its content, in one request; None where there is none."""

    def content(self, reference: Reference, part: Part) -> bytes:
        """Return a part of an artifact, checked. Raises DamagedError if it is missing."""
