"""Registries that older builders filled: tests/catalogs/fill.py wrote the files."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from builder.oci.image import ImageLayer
from builder.registry.interfaces import Artifact, Blob
from tests.fakes.catalog import Folder
from tests.fakes.store import FakeStore

CATALOGS = Path(__file__).parent.parent / "catalogs"
OLD_CATALOG = CATALOGS / "70c7114"


class CatalogCopy(Folder):
    """A copy of a catalog that tests edit."""

    def __init__(self, source: Path, root: Path) -> None:
        shutil.copytree(source, root, ignore=shutil.ignore_patterns("*.xz"))
        self.root = root
        self._loaded = None


def registry(file: Path) -> FakeStore:
    """Return a registry with the content of an archive, which is read once."""
    return _read(file).twin()


@lru_cache(maxsize=4)
def _read(file: Path) -> FakeStore:
    data = json.loads(lzma.decompress(file.read_bytes()))
    store = FakeStore()
    store.named = data["named"]
    store.artifacts = {name: item and _artifact(item) for name, item in data["artifacts"].items()}
    store.known_layers = {
        digest: tuple(ImageLayer(**layer) for layer in layers)
        for digest, layers in data["layers"].items()
    }
    store.know(data["configs"], {digest: tuple(it) for digest, it in data["members"].items()})
    return store


def _artifact(item: Mapping[str, Any]) -> Artifact:
    return Artifact(
        kind=item["kind"],
        config=item["config"].encode("latin-1"),
        files={
            path: Blob(kind=file["kind"], data=_data(file)) for path, file in item["files"].items()
        },
        annotations=item["annotations"],
    )


def _data(file: Mapping[str, str]) -> bytes:
    """Return the bytes of a file: the archive has chart packages unpacked to their tar."""
    if "gzip" in file:
        packed = io.BytesIO()  # with the header of a chart package, so that its digest is the same
        with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as stream:
            stream.write(file["gzip"].encode("latin-1"))
        return packed.getvalue()
    return file["data"].encode("latin-1")
