"""The parts of an image: its layers, their members, and its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member of a layer. `content` is the sha256 of a file's content, `mtime` is in seconds."""

    kind: str  # file, folder, link, hard link, …
    mode: int
    uid: int
    gid: int
    mtime: float
    size: int = 0
    content: str = ""
    link: str = ""  # what a link names
    xattrs: Mapping[str, str] = field(default_factory=dict)


def environment(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that a configuration sets, by name."""
    entries = (config.get("config") or {}).get("Env") or ()
    return {name: value for name, _, value in (entry.partition("=") for entry in entries)}


GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, kw_only=True)
class ImageLayer:
    """A layer: its blob, the blob's size in bytes, its uncompressed digest, its instruction."""

    digest: str
    size: int
    diff: str
    instruction: str = ""
    kind: str = GZIP_LAYER  # the media type of the blob
