"""What the builder needs of the outside world to remove things. As `ports`, each with a fake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from builder.ports import Engine
from builder.reference import Reference


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


class LocalImages(Protocol):
    """The images of registries that an engine holds."""

    def images(self) -> Mapping[str, int]:
        """By `registry/repository@digest`: the bytes of each, those that it shares included."""

    def drop(self, name: str) -> None:
        """Forget an image; silent where it is gone."""


class HostEngine(Engine, LocalImages, Protocol):
    """An engine of this machine."""
