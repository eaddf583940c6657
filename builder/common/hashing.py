"""Computes hashes, of bytes and of canonical JSON, and parses digests."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

HEX = {"sha256": 64, "sha512": 128, "git-tree-sha1": 40}
"""The number of hex digits of a digest, by its algorithm."""
_OF_REGISTRIES = ("sha256", "sha512")


def canonical(data: object) -> bytes:
    """Return canonical JSON: sorted keys and no spaces, so that equal data gives equal bytes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    """Return the sha256 in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_of(data: bytes) -> str:
    """Return the digest of content, as registries and layouts name it."""
    return f"sha256:{sha256(data)}"


def is_digest(value: object, *algorithms: str) -> bool:
    """Whether a value, which may come from anywhere, is `algorithm:<hex>`.

    The algorithm is one of `algorithms`, or of sha256 and sha512, which registries have.
    """
    if not isinstance(value, str):
        return False
    algorithm, _, digits = value.partition(":")
    length = HEX.get(algorithm) if algorithm in (algorithms or _OF_REGISTRIES) else None
    return length is not None and re.fullmatch(rf"[0-9a-f]{{{length}}}", digits) is not None


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
