"""What is signed of an image: the "simple signing" document that cosign and skopeo verify.

Its `optional` part has the whole fingerprint: the tag of an image has half of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.common.errors import TrustError
from builder.common.hashing import canonical, is_digest
from builder.common.limits import read_json
from builder.common.mappings import at

MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ANNOTATION = "dev.cosignproject.cosign/signature"
"""The annotation of a layer that has the signature of its content, in base64."""
TYPE = "cosign container image signature"
LIMIT = 64 << 10
"""The bytes of a document that is read."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a signature says: this digest is of this repository; `optional` is what we bind to it.

    `optional` has texts: `fingerprint`, `target`, `catalog`, `kind`.
    """

    repository: str
    digest: str
    optional: Mapping[str, str]

    @property
    def content(self) -> bytes:
        """Return the document that is signed; the same claim has the same bytes."""
        return canonical(
            {
                "critical": {
                    "identity": {"docker-reference": self.repository},
                    "image": {"docker-manifest-digest": self.digest},
                    "type": TYPE,
                },
                "optional": dict(self.optional),
            }
        )

    @property
    def fingerprint(self) -> str:
        """Return the whole fingerprint that it binds, or ""."""
        return self.optional.get("fingerprint", "")

    @property
    def kind(self) -> str:
        """Return what is signed: base, image, index, chart or record; "" where it does not say."""
        return self.optional.get("kind", "")


def parse(content: bytes, what: str) -> Claim:
    """Return the claim in JSON that anybody may have written. Raises TrustError."""
    document: Any = read_json(content, LIMIT, what, error=TrustError)
    digest = at(document, "critical", "image", "docker-manifest-digest")
    repository = at(document, "critical", "identity", "docker-reference")
    if at(document, "critical", "type") != TYPE or not isinstance(repository, str):
        raise TrustError(f"{what} is not a signature of an image")
    if not isinstance(digest, str) or not is_digest(digest):
        raise TrustError(f"{what} names no digest")
    optional = document.get("optional") or {}
    if not isinstance(optional, dict):
        raise TrustError(f"{what}: `optional` is not an object")
    texts = {key: value for key, value in optional.items() if isinstance(value, str)}
    return Claim(repository=repository, digest=digest, optional=texts)
