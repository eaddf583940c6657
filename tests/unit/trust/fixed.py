"""A pair of keys that is the same in each test, and a signer whose signatures are, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cryptography.hazmat.primitives.asymmetric import ec

from builder.trust.keys import KeySigner
from builder.trust.policy import TrustedKey, TrustPolicy

TODAY = date(2026, 12, 1)
SIGNER = KeySigner(key=ec.derive_private_key(2026, ec.SECP256R1()))
OTHER = KeySigner(key=ec.derive_private_key(666, ec.SECP256R1()))
DIGEST = f"sha256:{'1' * 64}"
FINGERPRINT = "f" * 64


@dataclass(frozen=True, kw_only=True)
class Stable:
    """A signer of documents whose bytes are compared: what it signs, nobody can verify."""

    hint: str = "aGludA=="

    def sign(self, content: bytes) -> bytes:
        """Return the same for any content."""
        assert content
        return b"signature"


def policy(*keys: KeySigner, until: date | None = None) -> TrustPolicy:
    """Return the policy that believes these keys."""
    trusted = [
        TrustedKey(file=f"keys/{n}.pub", key=k.public, until=until) for n, k in enumerate(keys)
    ]
    return TrustPolicy(keys=tuple(trusted), today=TODAY)
