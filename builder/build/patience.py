"""A registry whose requests are retried while it is busy or does not answer.

Each request is retried by itself. A push to a busy registry then costs a few seconds, and not the
build and the tests before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from builder.build.executor import Policy, Wait, patiently
from builder.common.errors import StepError, TransientError
from builder.oci.image import ImageLayer
from builder.oci.reference import Reference
from builder.registry.interfaces import Artifact, Part, Registry, Summary

_T = TypeVar("_T")


class PatientStore:
    """A Registry that retries every request as `policy` says.

    `wait` is called after each failure, waits, and returns whether to retry. A request that still
    fails raises StepError, so that nobody retries it again.
    """

    def __init__(self, store: Registry, *, wait: Wait, policy: Policy | None = None) -> None:
        self._store = store
        self._wait = wait
        self._policy = policy or Policy()

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags, as a Registry does."""
        return self._patiently(lambda: self._store.tags(repository))

    def digest(self, reference: Reference) -> str | None:
        """Return the digest, as a Registry does."""
        return self._patiently(lambda: self._store.digest(reference))

    def push(self, layout: Path, reference: Reference, parent: Reference | None = None) -> str:
        """Push a layout, as a Registry does; blobs that arrived are not sent again."""
        return self._patiently(lambda: self._store.push(layout, reference, parent))

    def copy(self, source: Reference, target: Reference) -> None:
        """Copy an image, as a Registry does."""
        self._patiently(lambda: self._store.copy(source, target))

    def put(self, artifact: Artifact, reference: Reference) -> str:
        """Put an artifact, as a Registry does; blobs that arrived are not sent again."""
        return self._patiently(lambda: self._store.put(artifact, reference))

    def get(self, reference: Reference) -> Artifact | None:
        """Return an artifact, as a Registry does."""
        return self._patiently(lambda: self._store.get(reference))

    def summary(self, reference: Reference) -> Summary | None:
        """Return an artifact without its content, as a Registry does."""
        return self._patiently(lambda: self._store.summary(reference))

    def content(self, reference: Reference, part: Part) -> bytes:
        """Return a part of an artifact, as a Registry does."""
        return self._patiently(lambda: self._store.content(reference, part))

    def layers(self, reference: Reference) -> tuple[ImageLayer, ...]:
        """Return the layers, as a Registry does."""
        return self._patiently(lambda: self._store.layers(reference))

    def blob(self, reference: Reference, layer: ImageLayer, file: Path) -> None:
        """Write the blob of a layer, as a Registry does."""
        self._patiently(lambda: self._store.blob(reference, layer, file))

    def configs(self, reference: Reference) -> Mapping[str, Mapping[str, Any]]:
        """Return the configurations, as a Registry does."""
        return self._patiently(lambda: self._store.configs(reference))

    def put_index(self, manifests: Mapping[str, str], repository: Reference) -> str:
        """Put an index, as a Registry does."""
        return self._patiently(lambda: self._store.put_index(manifests, repository))

    def blobs(self, reference: Reference) -> Mapping[str, int]:
        """Return the blobs, as a Registry does."""
        return self._patiently(lambda: self._store.blobs(reference))

    def delete(self, reference: Reference) -> bool:
        """Delete a manifest, as a Registry does."""
        return self._patiently(lambda: self._store.delete(reference))

    def untag(self, reference: Reference) -> bool:
        """Remove a tag, as a Registry does."""
        return self._patiently(lambda: self._store.untag(reference))

    def export(self, reference: Reference, layout: Path, name: str) -> None:
        """Export an image, as a Registry does."""
        self._patiently(lambda: self._store.export(reference, layout, name))

    def _patiently(self, call: Callable[[], _T]) -> _T:
        try:
            return patiently(call, policy=self._policy, wait=self._wait)
        except TransientError as error:
            raise StepError(error.message, hint=error.hint) from error
