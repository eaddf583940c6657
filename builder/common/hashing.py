"""Computes hashes, of bytes and of canonical JSON."""

from __future__ import annotations

import hashlib
import json


def canonical(data: object) -> bytes:
    """Return canonical JSON: sorted keys and no spaces, so that equal data gives equal bytes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    """Return the sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_of(data: bytes) -> str:
    """Return the digest of content, as registries and layouts name it."""
    return f"sha256:{sha256(data)}"
