"""Bundles of sigstore, v0.3: an envelope with what names the key that verifies it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from builder.common.errors import TrustError
from builder.common.hashing import canonical
from builder.common.limits import read_json
from builder.common.mappings import at
from builder.trust.dsse import Envelope, encoded, envelope_of
from builder.trust.statement import LIMIT

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
CONTENT = "dev.sigstore.bundle.content"
PREDICATE_TYPE = "dev.sigstore.bundle.predicateType"
CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """An envelope and the hint of a public key. Nothing of it is verified yet."""

    envelope: Envelope
    hint: str

    @property
    def content(self) -> bytes:
        """Return it as canonical JSON."""
        envelope = self.envelope.document
        envelope["signatures"] = [{"sig": encoded(it)} for it in self.envelope.signatures]
        return canonical(
            {
                "mediaType": MEDIA_TYPE,
                "verificationMaterial": {"publicKey": {"hint": self.hint}},
                "dsseEnvelope": envelope,
            }
        )


def parse(content: bytes, what: str) -> Bundle:
    """Return the bundle in JSON that anybody may have written. Raises TrustError.

    A hint that is missing is ""; it is never what makes a key believed.
    """
    document: Any = read_json(content, 2 * LIMIT, what, error=TrustError)
    if at(document, "mediaType") != MEDIA_TYPE:
        raise TrustError(f"{what} is not a bundle of sigstore, version 0.3")
    hint = at(document, "verificationMaterial", "publicKey", "hint")
    envelope = envelope_of(document.get("dsseEnvelope"), what)
    return Bundle(envelope=envelope, hint=hint if isinstance(hint, str) else "")
