"""What somebody who may write to a registry does there."""

from __future__ import annotations

import json
from dataclasses import replace

from builder.oci.reference import Reference
from builder.plan.image_metadata import DOCUMENT, reference_of
from builder.registry.interfaces import Artifact
from tests.fakes.store import FakeStore

STRANGER = f"sha256:{'e' * 64}"


def plant(store: FakeStore, image: Reference, digest: str = STRANGER) -> None:
    """Make a tag name another manifest."""
    store.named[str(image)] = digest
    store.artifacts.setdefault(f"{image.name}@{digest}", None)


def metadata(store: FakeStore, image: Reference) -> Artifact:
    """Return the metadata of an image."""
    found = store.get(reference_of(image))
    assert found is not None
    return found


def restate(
    store: FakeStore, image: Reference, *, document: bytes | None = None, **changed: object
) -> None:
    """Change what the metadata of an image states: its document, and keys of its configuration."""
    stored = metadata(store, image)
    config = json.dumps({**json.loads(stored.config), **changed}).encode()
    files = dict(stored.files)
    if document is not None:
        files[DOCUMENT] = replace(files[DOCUMENT], data=document)
    store.put(replace(stored, config=config, files=files), reference_of(image))
