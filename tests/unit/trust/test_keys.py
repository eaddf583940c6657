"""Keys: what is made, what is read, and whom nobody else may have."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from builder.common.errors import ConfigError
from builder.trust import keys
from tests.unit.trust.fixed import OTHER, SIGNER


def _none() -> str:
    return ""


def test_a_pair_is_made_and_signs(tmp_path: Path) -> None:
    private, public = keys.create(tmp_path / "keys/2026")
    assert (private.name, public.name) == ("2026.key", "2026.pub")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    signer = keys.read_private(private, _none)
    key = keys.read_public(public)
    assert key == signer.public
    signature = signer.sign(b"text")
    assert key.verify(b"text", signature)
    assert not key.verify(b"other text", signature)
    assert not key.verify(b"text", b"not ASN.1")
    assert not OTHER.public.verify(b"text", signature)
    assert "key" not in repr(signer).replace("KeySigner", "")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    _, public = keys.create(tmp_path / "2026")
    before = public.read_bytes()
    with pytest.raises(ConfigError) as caught:
        keys.create(tmp_path / "2026")
    assert str(caught.value) == (
        f"{tmp_path}/2026.key exists, and no key is overwritten\n"
        "  hint: choose another name: builder key create --out keys/NAME"
    )
    assert public.read_bytes() == before


def test_a_password_protects_a_key(tmp_path: Path) -> None:
    private, public = keys.create(tmp_path / "2026", password="secret")
    signer = keys.read_private(private, lambda: "secret")
    assert keys.read_public(public) == signer.public
    with pytest.raises(ConfigError, match="the key is encrypted, and there is no password"):
        keys.read_private(private, _none)
    with pytest.raises(ConfigError, match="the password does not open it, or it is damaged"):
        keys.read_private(private, lambda: "wrong")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    private, _ = keys.create(tmp_path / "2026")
    private.chmod(0o640)
    with pytest.raises(ConfigError) as caught:
        keys.read_private(private, _none)
    assert str(caught.value) == (
        f"{private}: others may read this private key: its mode is 0640, not 0600\n"
        f"  hint: chmod 600 {private}, and think about a new key"
    )
    assert caught.value.exit_code == 2


def test_other_files_are_no_keys(tmp_path: Path) -> None:
    private, public = keys.create(tmp_path / "2026")
    with pytest.raises(ConfigError, match="it is a private key, and nobody else may have it"):
        keys.read_public(private)
    public.chmod(0o600)
    with pytest.raises(ConfigError, match="it has no private key in PEM"):
        keys.read_private(public, _none)
    with pytest.raises(ConfigError, match="the key cannot be read: No such file"):
        keys.read_public(tmp_path / "missing.pub")
    other = tmp_path / "p384.pub"
    other.write_bytes(
        ec.generate_private_key(ec.SECP384R1())
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ConfigError, match="the key is not one of ECDSA on P-256"):
        keys.read_public(other)


def test_a_hint_names_a_key() -> None:
    assert SIGNER.hint == SIGNER.public.hint
    assert SIGNER.hint != OTHER.hint
    assert len(SIGNER.public.fingerprint) == 16
