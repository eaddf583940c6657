"""Computes hashes, of bytes and of canonical JSON, and parses digests."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

DIGEST = r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
"""The pattern of a digest that this builder can check."""
_DIGEST = re.compile(DIGEST)


def canonical(data: object) -> bytes:
    """Return canonical JSON: sorted keys and no spaces, so that equal data gives equal bytes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    """Return the sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_of(data: bytes) -> str:
    """Return the digest of content, as registries and layouts name it."""
    return f"sha256:{sha256(data)}"


def is_digest(value: object) -> bool:
    """Whether a value, which may come from anywhere, is a digest that this builder can check."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def digest_parts(digest: str) -> tuple[str, str]:
    """Return the algorithm of a digest, and its hash in hex. Raises ValueError for no digest."""
    if not is_digest(digest):
        raise ValueError(f"not a digest: {digest[:200]!r}")
    algorithm, _, value = digest.partition(":")
    return algorithm, value


def hasher_of(digest: str) -> _Hash:
    """Return a new hash object of the algorithm of a digest. Raises ValueError for no digest."""
    return hashlib.new(digest_parts(digest)[0])


def digest_as(digest: str, data: bytes) -> str:
    """Return the digest of content by the algorithm of another digest, to compare it with that."""
    algorithm, _ = digest_parts(digest)
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
