"""The interfaces of who signs, and of what verifies."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """Signs content. The private key stays with it."""

    @property
    def hint(self) -> str:
        """Return what names its public key in a bundle: base64 of the sha256 of its DER."""

    def sign(self, content: bytes) -> bytes:
        """Return the signature of content, as ASN.1 (DER). Raises ToolError where it cannot."""


class Verifier(Protocol):
    """A public key."""

    @property
    def hint(self) -> str:
        """Return what names it in a bundle."""

    def verify(self, content: bytes, signature: bytes) -> bool:
        """Whether a signature, which may be of anybody, is one of this key over the content."""
