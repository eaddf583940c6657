"""The names and labels that engines give to the images and containers of a project."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

LABEL = "catalog-builder.state"
"""The label that every container of ours carries; its value names the engine's state folder."""

LOCAL = "localhost"
"""The host in the names of images that are in an engine and in no registry."""


def local_name(identity: str) -> str:
    """Return the name of a target's image in an engine: readable, and different for each id."""
    slug = re.sub(r"[^a-z0-9]+", "-", identity.lower()).strip("-")[:80].strip("-")
    return f"{LOCAL}/{slug}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}:latest"


def context_name(identity: str, name: str) -> str:
    """Return the name that the parent or an input of a target has in an engine during its build.

    The history of an image contains the name of its parent. The same inputs must give the same
    digest whichever registry and reference they come from, so it is made of the target's id.
    """
    return f"{local_name(identity).removesuffix(':latest')}:{name}"


def sizes(listed: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the bytes of images by `registry/repository@digest`, from an engine's list."""
    return {
        name: int(image.get("Size", 0))
        for image in listed
        for name in image.get("RepoDigests") or ()
    }


def sizes_in(text: str) -> dict[str, int]:
    """Return `sizes` of a list in JSON."""
    return sizes(json.loads(text))
