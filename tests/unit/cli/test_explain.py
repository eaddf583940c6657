"""What `builder explain` prints for image metadata of an older builder, or damaged."""

from __future__ import annotations

import pytest

from builder.catalog.recipe import BuildVariables
from builder.cli.explain import change_since
from builder.oci.reference import parse
from builder.plan.dockerfile import Dockerfile
from builder.plan.fingerprint import Fingerprint
from builder.plan.image_metadata import DOCUMENT, KIND
from builder.registry.interfaces import Artifact, Blob

PLACE = parse("ghcr.io/one/shop-desk:fp-1")
NOW = Fingerprint(
    digest="1" * 64,
    is_locked=True,
    variables=BuildVariables(axes={}, providers={}, versions={}),
    dockerfile=Dockerfile(text="FROM parent\n"),
    files=(),
    document={"platform": "linux/amd64", "parent": "p", "inputs": {}, "dockerfile": "FROM parent\n",
              "context": [], "lock": {}},
)  # fmt: skip


def metadata(data: bytes, file: str = DOCUMENT) -> Artifact:
    return Artifact(kind=KIND, files={file: Blob(kind="application/json", data=data)})


def test_a_part_that_an_older_builder_did_not_keep() -> None:
    text = change_since(metadata(b'{"platform": "linux/amd64", "parent": "p"}'), PLACE, NOW, "1")
    assert text.splitlines() == [
        "", "--- inputs in 1", "+++ inputs now", "@@ -0,0 +1 @@", "+{}",
        "", "--- dockerfile in 1", "+++ dockerfile now", "@@ -0,0 +1 @@", "+FROM parent",
        "", "--- context in 1", "+++ context now", "@@ -0,0 +1 @@", "+[]",
        "", "--- lock in 1", "+++ lock now", "@@ -0,0 +1 @@", "+{}",
    ]  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"[" * 100_000, b"\xff"])
def test_a_document_that_is_none(data: bytes) -> None:
    assert change_since(metadata(data), PLACE, NOW, "1") == (
        "ghcr.io/one/shop-desk:fp-1.evidence: the metadata of this image is damaged\n"
        "  hint: remove the image from the registry, then run `builder build` again"
    )


def test_metadata_without_a_document() -> None:
    assert "is damaged" in change_since(metadata(b"{}", "other"), PLACE, NOW, "1")
    text = change_since(None, PLACE, NOW, "1")
    assert text == "the registry has no metadata of ghcr.io/one/shop-desk:fp-1"
