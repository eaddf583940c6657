"""Hashes, and the one form of JSON that is hashed."""

from __future__ import annotations

import hashlib
import json


def canonical(data: object) -> bytes:
    """JSON with sorted keys and no spaces: the same data is the same bytes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    """Return the sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_of(data: bytes) -> str:
    """Return the digest of content, as registries and layouts name it."""
    return f"sha256:{sha256(data)}"
