"""OCI layouts, read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from builder.engines import layout as layouts
from builder.errors import StepError


def make(folder: Path, *, entries: int = 1) -> str:
    """A layout with a manifest of 10 bytes of configuration and two layers; its digest."""
    manifest = {"config": {"size": 10}, "layers": [{"size": 100}, {"size": 1000}]}
    content = json.dumps(manifest).encode()
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    file = layouts.blob(folder, digest)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    descriptor = {"digest": digest, "size": len(content)}
    (folder / "index.json").write_text(json.dumps({"manifests": [descriptor] * entries}))
    return digest


def test_size_is_that_of_all_blobs(tmp_path: Path) -> None:
    digest = make(tmp_path)
    built = layouts.built(tmp_path, local="x")
    manifest = layouts.blob(tmp_path, digest).stat().st_size
    assert (built.digest, built.size, built.local) == (digest, manifest + 1110, "x")


def test_what_is_not_a_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="is not an OCI layout"):
        layouts.entry(tmp_path)


def test_several_manifests_are_refused(tmp_path: Path) -> None:
    make(tmp_path, entries=2)
    with pytest.raises(StepError, match="holds 2 manifests, not one"):
        layouts.entry(tmp_path)


def test_a_layout_replaces_what_stood_there(tmp_path: Path) -> None:
    place = tmp_path / "layout"
    (place / "old").mkdir(parents=True)
    partial = layouts.fresh(place)
    assert not partial.exists()
    partial.mkdir()
    (partial / "new").touch()
    layouts.settle(partial, place)
    assert [file.name for file in place.iterdir()] == ["new"]
    assert not partial.exists()
