"""OCI layouts, read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.engines.interfaces import built_from_layout
from builder.oci import layout as layouts


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
    built = built_from_layout(tmp_path, local="x")
    manifest = layouts.blob(tmp_path, digest).stat().st_size
    assert (built.digest, built.size, built.local) == (digest, manifest + 1110, "x")


def test_what_is_not_a_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="is not an OCI layout"):
        layouts.entry(tmp_path)


def test_several_manifests_are_refused(tmp_path: Path) -> None:
    make(tmp_path, entries=2)
    with pytest.raises(StepError, match="holds 2 manifests instead of one"):
        layouts.entry(tmp_path)


def test_a_layout_replaces_what_stood_there(tmp_path: Path) -> None:
    place = tmp_path / "layout"
    (place / "old").mkdir(parents=True)
    partial = layouts.partial_folder(place)
    assert not partial.exists()
    partial.mkdir()
    (partial / "new").touch()
    layouts.move_into_place(partial, place)
    assert [file.name for file in place.iterdir()] == ["new"]
    assert not partial.exists()


def test_a_layout_keeps_nothing_of_the_storage_it_came_from(tmp_path: Path) -> None:
    """Two layouts that differ in ids of podman's storage alone are the same afterwards."""

    def store(folder: Path, data: dict[str, object]) -> dict[str, object]:
        text = json.dumps(data).encode()
        digest = "sha256:" + hashlib.sha256(text).hexdigest()
        layouts.blob(folder, digest).parent.mkdir(parents=True, exist_ok=True)
        layouts.blob(folder, digest).write_bytes(text)
        return {"digest": digest, "size": len(text)}

    def canonized(identity: str) -> tuple[str, Path]:
        folder = tmp_path / identity
        steps = [{"created_by": "ADD", "comment": "of Debian's"}]
        steps += [{"created_by": "RUN <é>", "comment": f"FROM {identity}"}]
        config = store(folder, {"history": steps, "rootfs": {"diff_ids": []}})
        descriptor = store(folder, {"config": config, "layers": []})
        (folder / "index.json").write_text(json.dumps({"manifests": [descriptor]}))
        layouts.canonize(folder, ())
        return str(layouts.entry(folder)["digest"]), folder

    (first, one), (second, _) = canonized("1fd0b45a0699"), canonized("6361beee4672")
    assert first == second
    assert layouts.config_in(one)["history"] == [
        {"created_by": "ADD", "comment": "of Debian's"},
        {"created_by": "RUN <é>"},
    ]
    assert len(list((one / "blobs" / "sha256").iterdir())) == 2  # nothing is left of the former
    assert built_from_layout(one, local="x").size == sum(
        file.stat().st_size for file in (one / "blobs" / "sha256").iterdir()
    )
