"""What a registry says of an image, which may be damaged."""

from __future__ import annotations

import pytest

from builder.build import attestation
from builder.common.errors import StepError
from builder.oci.reference import parse
from builder.registry.interfaces import Artifact, Blob
from tests.fakes.store import FakeStore

IMAGE = parse("registry.example/image:fp-1")


def stored(config: bytes, packages: bytes) -> FakeStore:
    store = FakeStore()
    files = {attestation.PACKAGES: Blob(kind="application/json", data=packages)}
    artifact = Artifact(kind=attestation.KIND, config=config, files=files)
    store.put(artifact, attestation.reference_of(IMAGE))
    return store


def test_what_is_not_there() -> None:
    assert attestation.read(FakeStore(), IMAGE) == attestation.StoredMetadata()


@pytest.mark.parametrize(
    ("config", "packages"),
    [(b"", b"{}"), (b"<html>", b"{}"), (b"[]", b"{}"), (b"[" * 99_999, b"{}"),
     (b'{"chain": 7}', b"{}"), (b'{"chain": [{"target": "a"}]}', b"{}"),
     (b"{}", b"<html>"), (b"{}", b"[]"), (b"{}", b'{"apt": 7}'), (b"{}", b'{"apt": {"a": {}}}')],
)  # fmt: skip
def test_what_is_damaged_is_named(config: bytes, packages: bytes) -> None:
    with pytest.raises(StepError) as caught:
        attestation.read(stored(config, packages), IMAGE)
    assert str(caught.value) == (
        "registry.example/image:fp-1.evidence: what is said of the image cannot be read\n"
        "  hint: remove the image from the registry, and build it again"
    )
