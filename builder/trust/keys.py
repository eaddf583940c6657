"""Reads, makes and uses keys: ECDSA on the curve P-256, with SHA-256, in PEM."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from builder.common.errors import ConfigError, Location
from builder.common.hashing import sha256
from builder.trust.dsse import encoded

LIMIT = 64 << 10
_ALGORITHM = ec.ECDSA(hashes.SHA256())
_PEM = serialization.Encoding.PEM
CREATE = "make a pair: builder key create --out keys/2026"


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A public key. `der` is its SubjectPublicKeyInfo."""

    der: bytes
    key: ec.EllipticCurvePublicKey = field(repr=False, compare=False)

    @property
    def hint(self) -> str:
        """Return what names it in a bundle: base64 of the sha256 of its DER."""
        return encoded(bytes.fromhex(sha256(self.der)))

    @property
    def fingerprint(self) -> str:
        """Return what names it for people: the first 16 hex digits of the sha256 of its DER."""
        return sha256(self.der)[:16]

    @property
    def pem(self) -> bytes:
        """Return it in PEM."""
        return self.key.public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verify(self, content: bytes, signature: bytes) -> bool:
        """Whether a signature, which may be of anybody, is one of this key over the content."""
        try:
            self.key.verify(signature, content, _ALGORITHM)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class KeySigner:
    """Signs with a private key that was read once. It never shows itself."""

    key: ec.EllipticCurvePrivateKey = field(repr=False, compare=False)

    @property
    def public(self) -> PublicKey:
        """Return the public key that verifies what it signs."""
        return _public(self.key.public_key())

    @property
    def hint(self) -> str:
        """Return what names its public key in a bundle."""
        return self.public.hint

    def sign(self, content: bytes) -> bytes:
        """Return the signature of content, as ASN.1 (DER)."""
        return self.key.sign(content, _ALGORITHM)


def read_private(file: Path, password: Callable[[], str]) -> KeySigner:
    """Return the signer of a private key in PEM (PKCS#8, encrypted or not).

    `password` is asked for where the key is encrypted. Raises ConfigError, without any of its
    content, for a file that others may read, or that has no such key.
    """
    data = _content(file, is_private=True)
    place = Location(file=str(file))
    is_encrypted = b"ENCRYPTED" in data
    secret = password().encode() if is_encrypted else None
    if is_encrypted and not secret:
        raise ConfigError(
            "the key is encrypted, and there is no password",
            hint="put it into CATALOG_SIGN_PASSWORD",
            location=place,
        )
    try:
        key = serialization.load_pem_private_key(data, secret)
    except (ValueError, TypeError):
        problem = "the password does not open it, or it is damaged" if is_encrypted else ""
        problem = problem or "it has no private key in PEM (PKCS#8)"
        raise ConfigError(problem, hint=CREATE, location=place) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError("the key is not one of ECDSA on P-256", hint=CREATE, location=place)
    return KeySigner(key=key)


def read_public(file: Path) -> PublicKey:
    """Return the public key in a file, in PEM (SPKI). Raises ConfigError."""
    return parse_public(_content(file, is_private=False), Location(file=str(file)))


def parse_public(data: bytes, place: Location) -> PublicKey:
    """Return a public key in PEM (SPKI). Raises ConfigError with its place."""
    if b"PRIVATE KEY" in data:
        raise ConfigError(
            "it is a private key, and nobody else may have it",
            hint="name the file that ends with .pub",
            location=place,
        )
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, TypeError):
        raise ConfigError(
            "it has no public key in PEM (SPKI)", hint=CREATE, location=place
        ) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError("the key is not one of ECDSA on P-256", hint=CREATE, location=place)
    return _public(key)


def create(out: Path, password: str = "") -> tuple[Path, Path]:
    """Make a pair of keys, `OUT.key` (0600) and `OUT.pub`; return both files.

    Raises ConfigError where one of them exists: nothing is overwritten.
    """
    private, public = out.with_name(f"{out.name}.key"), out.with_name(f"{out.name}.pub")
    for file in (private, public):
        if os.path.lexists(file):
            raise _exists(file)
    key = ec.generate_private_key(ec.SECP256R1())
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        protection = serialization.BestAvailableEncryption(password.encode())
    out.parent.mkdir(parents=True, exist_ok=True)
    pem = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, protection)
    _write_new(private, pem, 0o600)
    _write_new(public, _public(key.public_key()).pem, 0o644)
    return private, public


def _public(key: ec.EllipticCurvePublicKey) -> PublicKey:
    encoding = serialization.Encoding.DER
    der = key.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(der=der, key=key)


def _content(file: Path, *, is_private: bool) -> bytes:
    """Return the bytes of a key file; of a private one only if nobody else may read it."""
    place = Location(file=str(file))
    try:
        with file.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if is_private and mode & 0o077:
                raise ConfigError(
                    f"others may read this private key: its mode is {mode:04o}, not 0600",
                    hint=f"chmod 600 {file}, and think about a new key",
                    location=place,
                )
            data = stream.read(LIMIT + 1)
    except OSError as error:
        problem = f"the key cannot be read: {error.strerror}"
        raise ConfigError(problem, hint=CREATE, location=place) from None
    if len(data) > LIMIT:
        raise ConfigError("a key has no more than 64 KiB", location=place)
    return data


def _write_new(file: Path, data: bytes, mode: int) -> None:
    """Write a file that does not exist yet."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise _exists(file) from None
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)


def _exists(file: Path) -> ConfigError:
    return ConfigError(
        f"{file} exists, and no key is overwritten",
        hint="choose another name: builder key create --out keys/NAME",
    )
