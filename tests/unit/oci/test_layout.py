"""OCI layouts, read."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.engines.interfaces import built_from_layout
from builder.oci import layout as layouts


def make(folder: Path, *, entries: int = 1) -> str:
    """A layout with a manifest of 10 bytes of configuration and two layers; its digest."""
    names = ({"mediaType": "x/y", "digest": f"sha256:{number:064}"} for number in range(3))
    config, first, second = names
    manifest = {
        "config": {**config, "size": 10},
        "layers": [{**first, "size": 100}, {**second, "size": 1000}],
    }
    content = json.dumps(manifest).encode()
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    file = layouts.blob(folder, digest)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    descriptor = {"mediaType": "x/y", "digest": digest, "size": len(content)}
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
        return {"mediaType": "x/y", "digest": digest, "size": len(text)}

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


def put(layout: Path, data: bytes) -> dict[str, object]:
    """Write a blob; return its descriptor."""
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    file = layouts.blob(layout, digest)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return {"mediaType": "x/y", "digest": digest, "size": len(data)}


def image(layout: Path, *, diff: str = "sha256:" + "a" * 64) -> dict[str, object]:
    """Write an image of one layer to a layout; return the descriptor of the layer."""
    layer = put(layout, b"layer")
    config = put(layout, json.dumps({"rootfs": {"diff_ids": [diff]}}).encode())
    manifest = put(layout, json.dumps({"config": config, "layers": [layer]}).encode())
    (layout / "index.json").write_text(json.dumps({"manifests": [manifest]}))
    return layer


NO_DIGEST = "sha256:../../../../etc/passwd"


def test_a_digest_that_is_a_path_names_no_blob(tmp_path: Path) -> None:
    for digest in (NO_DIGEST, "sha256:" + "A" * 64, "md5:" + "a" * 32, "", "sha256:" + "a" * 63):
        with pytest.raises(StepError) as caught:
            layouts.blob(tmp_path, digest)
        assert str(caught.value) == f"{tmp_path}: not a digest: {digest!r}\n  hint: build it again"
    assert layouts.blob(tmp_path, "sha512:" + "a" * 128) == tmp_path / "blobs/sha512" / ("a" * 128)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b"{", " is not an OCI layout: its index.json is not valid JSON: Expecting property name"
         " enclosed in double quotes (line 1, column 2)"),
        (b"[]", " is not an OCI layout: its index.json is not a JSON object"),
        (b"[" * 10_000, " is not an OCI layout: its index.json has more than 64 levels"),
        (b" " * (5 << 20), " is not an OCI layout: its index.json has more than 4 MiB"),
        (b'{"manifests": 7}', "/index.json: its manifest is damaged: `manifests` is not a list"),
        (json.dumps({"manifests": [{"mediaType": "x", "size": 1, "digest": NO_DIGEST}]}).encode(),
         "/index.json: its manifest is damaged: `manifests` has no digest of sha256 or sha512"),
        (b'{"manifests": [' + b",".join([b"{}"] * 1001) + b"]}",
         "/index.json: its manifest is damaged: `manifests` has no digest of sha256 or sha512"),
    ],
    ids=lambda value: repr(value[:12]),
)  # fmt: skip
def test_a_hostile_index_of_a_layout_is_refused(index: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(index)
    with pytest.raises(StepError) as caught:
        layouts.layers_in(tmp_path)
    assert caught.value.message == f"{tmp_path}{message}"


def test_a_manifest_that_is_not_the_one_of_the_index_is_refused(tmp_path: Path) -> None:
    image(tmp_path)
    digest = layouts.entry(tmp_path)["digest"]
    layouts.blob(tmp_path, digest).write_bytes(b"{}")
    with pytest.raises(StepError) as caught:
        layouts.layers_in(tmp_path)
    actual = "sha256:" + hashlib.sha256(b"{}").hexdigest()
    assert caught.value.message == f"{tmp_path}: blob {digest} is damaged: its digest is {actual}"


def test_an_uncompressed_digest_that_is_a_path_is_refused(tmp_path: Path) -> None:
    image(tmp_path, diff=NO_DIGEST)
    with pytest.raises(StepError) as caught:
        layouts.layers_in(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: its manifest is damaged: its configuration does not describe its layers\n"
        "  hint: build it again"
    )


@pytest.mark.parametrize("kind", ["longer", "link", "pipe"])
def test_a_blob_that_is_not_what_the_manifest_says_is_not_pushed(kind: str, tmp_path: Path) -> None:
    layer = image(tmp_path)
    file = layouts.blob(tmp_path, str(layer["digest"]))
    file.unlink()
    assert [item.digest for item in layouts.missing(tmp_path)] == [layer["digest"]]
    if kind == "longer":
        file.write_bytes(b"layers")
    elif kind == "link":
        (tmp_path / "five!").write_bytes(b"layer")
        file.symlink_to(tmp_path / "five!")
    else:
        os.mkfifo(file)
    with pytest.raises(StepError) as caught:
        layouts.missing(tmp_path)
    assert caught.value.message == (
        f"{tmp_path}: blob {layer['digest']} is not a regular file of 5 bytes"
    )
