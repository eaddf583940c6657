"""What a registry says of an image, which may be damaged."""

from __future__ import annotations

import json

import pytest

from builder.common.errors import ConfigError, StepError
from builder.common.version import VERSION
from builder.oci.reference import parse
from builder.plan import image_metadata
from builder.registry.interfaces import Artifact, Blob
from tests.fakes.store import FakeStore

IMAGE = parse("registry.example/image:fp-1")


def stored(config: bytes, packages: bytes) -> FakeStore:
    store = FakeStore()
    files = {image_metadata.PACKAGES: Blob(kind="application/json", data=packages)}
    artifact = Artifact(kind=image_metadata.KIND, config=config, files=files)
    store.put(artifact, image_metadata.reference_of(IMAGE))
    return store


def test_what_is_not_there() -> None:
    assert image_metadata.read(FakeStore(), IMAGE) == image_metadata.StoredMetadata()


@pytest.mark.parametrize(
    ("config", "packages"),
    [(b"", b"{}"), (b"<html>", b"{}"), (b"[]", b"{}"), (b"[" * 99_999, b"{}"),
     (b'{"chain": 7}', b"{}"), (b'{"chain": [{"target": "a"}]}', b"{}"),
     (b'{"format": 2, "shares": 7}', b"{}"), (b'{"format": "2"}', b"{}"),
     (b"{}", b"<html>"), (b"{}", b"[]"), (b"{}", b'{"apt": 7}'), (b"{}", b'{"apt": {"a": {}}}')],
)  # fmt: skip
def test_what_is_damaged_is_named(config: bytes, packages: bytes) -> None:
    with pytest.raises(StepError) as caught:
        image_metadata.read(stored(config, packages), IMAGE)
    assert str(caught.value) == (
        "registry.example/image:fp-1.evidence: the metadata of this image is damaged\n"
        "  hint: remove the image from the registry, then run `builder build` again"
    )


SHARE = {"target": "base/os=2", "recipe": "base", "layers": 1, "size": 7}


@pytest.mark.parametrize(
    "config",
    [
        {"size": 9, "chain": [SHARE], "suite": "abc"},
        {"format": 2, "size": 9, "shares": [SHARE], "tests_hash": "abc"},
        {"format": 3, "size": 9, "shares": [SHARE], "tests_hash": "abc"},
    ],
)
def test_all_formats_are_read(config: dict[str, object]) -> None:
    artifact = stored(json.dumps(config).encode(), b"{}").get(image_metadata.reference_of(IMAGE))
    assert artifact is not None
    assert image_metadata.config_of(artifact.config, IMAGE) == {
        "format": 3, "size": 9, "shares": [SHARE], "tests_hash": "abc",
    }  # fmt: skip


def test_metadata_of_a_newer_format_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        image_metadata.read(stored(b'{"format": 9}', b"{}"), IMAGE)
    assert caught.value.exit_code == 2
    assert str(caught.value) == (
        "registry.example/image:fp-1.evidence: format 9 is newer than this builder's 3\n"
        f"  hint: this is builder {VERSION}: pip install --upgrade catalog-builder"
    )
