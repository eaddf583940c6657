"""What engines call the images and containers of a project."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

LABEL = "catalog-builder.state"
"""The label that every container of ours carries; its value names the engine's state folder."""

LOCAL = "localhost"
"""The registry, so to speak, of images that only an engine holds."""


def local_name(identity: str) -> str:
    """What the engine calls the image of a target: readable, and one name for one id."""
    slug = re.sub(r"[^a-z0-9]+", "-", identity.lower()).strip("-")[:80].strip("-")
    return f"{LOCAL}/{slug}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}:latest"


def context_name(identity: str, name: str) -> str:
    """What the engine calls the parent or an input of a target, by the name of the context.

    The history of an image holds the name of its parent, and the same inputs must give the same
    digest whichever registry they stood in, and by whatever reference.
    """
    return f"{local_name(identity).removesuffix(':latest')}:{name}"


def sizes(listed: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The bytes of images by `registry/repository@digest`, out of what an engine lists."""
    return {
        name: int(image.get("Size", 0))
        for image in listed
        for name in image.get("RepoDigests") or ()
    }


def sizes_in(text: str) -> dict[str, int]:
    """The same, out of JSON."""
    return sizes(json.loads(text))
