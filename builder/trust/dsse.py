"""Envelopes of signed documents: DSSE v1, `PAE` and JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from builder.common.errors import TrustError
from builder.common.hashing import canonical
from builder.common.limits import read_json
from builder.trust.interfaces import Signer, Verifier
from builder.trust.statement import LIMIT, PAYLOAD_TYPE

MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
SIGNATURES = 64
"""The signatures of one envelope that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A document with signatures over its type and its bytes. Nothing of it is verified yet."""

    payload_type: str
    payload: bytes
    signatures: tuple[bytes, ...]

    @property
    def document(self) -> dict[str, Any]:
        """Return it as what JSON is made of."""
        return {
            "payload": encoded(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": "", "sig": encoded(it)} for it in self.signatures],
        }

    @property
    def content(self) -> bytes:
        """Return it as canonical JSON."""
        return canonical(self.document)

    def verified(self, keys: Sequence[Verifier], what: str) -> bytes:
        """Return the payload. Raises TrustError unless one of these keys signed it."""
        signed = pae(self.payload_type, self.payload)
        if not any(key.verify(signed, it) for key in keys for it in self.signatures):
            raise TrustError(f"{what}: nobody who is believed signed it")
        return self.payload


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return what is signed: type and payload, each with its length in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, signer: Signer, payload_type: str = PAYLOAD_TYPE) -> Envelope:
    """Return a signed envelope of a document, by default of a statement."""
    signature = signer.sign(pae(payload_type, payload))
    return Envelope(payload_type=payload_type, payload=payload, signatures=(signature,))


def parse(content: bytes, what: str) -> Envelope:
    """Return the envelope in JSON that anybody may have written. Raises TrustError."""
    return envelope_of(read_json(content, 2 * LIMIT, what, error=TrustError), what)


def envelope_of(document: object, what: str) -> Envelope:
    """Return the envelope that a parsed document is. Raises TrustError."""
    if not isinstance(document, dict):
        raise TrustError(f"{what} is not an envelope of DSSE")
    kind, signatures = document.get("payloadType"), document.get("signatures")
    if not isinstance(kind, str) or not isinstance(signatures, list):
        raise TrustError(f"{what} is not an envelope of DSSE")
    if not 0 < len(signatures) <= SIGNATURES:
        raise TrustError(f"{what} has no signature, or more than {SIGNATURES}")
    texts = [it.get("sig") if isinstance(it, dict) else None for it in signatures]
    return Envelope(
        payload_type=kind,
        payload=decoded(document.get("payload"), what),
        signatures=tuple(decoded(text, what) for text in texts),
    )


def encoded(data: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(data).decode()


def decoded(text: object, what: str) -> bytes:
    """Return the bytes of a text in base64. Raises TrustError."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)  # type: ignore[attr-defined]
    except (AttributeError, UnicodeError, binascii.Error):
        raise TrustError(f"{what} has a part that is not base64") from None
