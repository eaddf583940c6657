"""Reads and changes OCI layouts with one manifest: engines write them, registries get them."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.common.errors import StepError
from builder.common.hashing import digest_as, digest_of, digest_parts, is_digest
from builder.common.limits import CONFIGURATION, MANIFEST, read_file, read_json
from builder.oci.image import ImageLayer
from builder.oci.manifest import INDEX, Manifest

_AGAIN = "build it again"


def blob(layout: Path, digest: str) -> Path:
    """Return the path of a blob in a layout. Raises StepError for no digest."""
    if not is_digest(digest):
        raise StepError(f"{layout}: not a digest: {str(digest)[:200]!r}", hint=_AGAIN)
    return layout.joinpath("blobs", *digest_parts(digest))


def read(layout: Path, digest: str) -> dict[str, Any]:
    """Read a JSON blob: a manifest or a configuration. Raises StepError if it is damaged."""
    what = f"{layout}: blob {digest}"
    data = read_file(blob(layout, digest), CONFIGURATION, what)
    if digest_as(digest, data) != digest:
        raise StepError(f"{what} is damaged: its digest is {digest_of(data)}", hint=_AGAIN)
    content = read_json(data, CONFIGURATION, what)
    if not isinstance(content, dict):
        raise StepError(f"{what} is not a JSON object", hint=_AGAIN)
    return content


def entry(layout: Path) -> dict[str, Any]:
    """Read the descriptor of the only manifest of a layout. Raises StepError without one."""
    index = _index(layout)
    manifests = Manifest(
        name=f"{layout}/index.json", digest="", kind=INDEX, content=b"", document=index, hint=_AGAIN
    ).manifests
    if len(manifests) != 1:
        raise StepError(f"{layout} holds {len(manifests)} manifests instead of one")
    return dict(manifests[0])


def _index(layout: Path) -> dict[str, Any]:
    what = f"{layout} is not an OCI layout: its index.json"
    index = read_json(read_file(layout / "index.json", MANIFEST, what), MANIFEST, what)
    if not isinstance(index, dict):
        raise StepError(f"{what} is not a JSON object")
    return index


def manifest_in(layout: Path) -> Manifest:
    """Read the only manifest of a layout."""
    descriptor = entry(layout)
    return Manifest(
        name=str(layout),
        digest=descriptor["digest"],
        kind=descriptor["mediaType"],
        content=b"",
        document=read(layout, descriptor["digest"]),
        hint=_AGAIN,
    )


def index(manifests: Iterable[tuple[str, str, str, int]]) -> bytes:
    """Return an OCI image index of (platform, digest, media type, size), with stable bytes."""
    entries = [
        {
            "mediaType": kind,
            "digest": digest,
            "size": size,
            "platform": dict(
                zip(("os", "architecture", "variant"), platform.split("/"), strict=False)
            ),
        }
        for platform, digest, kind, size in sorted(manifests)
    ]
    data = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def layers(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[ImageLayer, ...]:
    """Return the layers that a manifest and its configuration describe, the lowest first.

    Raises ValueError, KeyError, TypeError or AttributeError where it does not describe them.
    """
    blobs, diffs = manifest["layers"], config["rootfs"]["diff_ids"]
    if wrong := [diff for diff in diffs if not is_digest(diff)]:  # they become names of files
        raise ValueError(f"{wrong[0]!r} is not a digest")
    history = [record for record in config.get("history") or [] if not record.get("empty_layer")]
    instructions = [record.get("created_by", "") for record in history]
    if len(history) != len(blobs):  # nobody can tell which instruction made which layer
        instructions = [""] * len(blobs)
    return tuple(
        ImageLayer(
            digest=blob["digest"],
            size=int(blob["size"]),
            diff=diff,
            instruction=text,
            kind=blob["mediaType"],
        )
        for blob, diff, text in zip(blobs, diffs, instructions, strict=True)
    )


def layers_in(layout: Path) -> tuple[ImageLayer, ...]:
    """Read the layers of the only image of a layout, the lowest first. Raises StepError."""
    manifest = manifest_in(layout)
    config = read(layout, manifest.config["digest"])
    try:
        return layers({"layers": manifest.layers}, config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise manifest.wrong("its configuration does not describe its layers") from error


def config_in(layout: Path) -> dict[str, Any]:
    """Read the configuration of the only image of a layout."""
    return read(layout, manifest_in(layout).config["digest"])


def place_parent_layers(layout: Path, parent_layers: Sequence[ImageLayer]) -> None:
    """Write empty files for the layers of a parent, so that an engine does not write them again.

    They have the names of the uncompressed digests; `canonize` removes them.
    """
    for layer in parent_layers:
        empty = blob(layout, layer.diff)
        empty.parent.mkdir(parents=True, exist_ok=True)
        empty.touch()


def canonize(layout: Path, parent_layers: Sequence[ImageLayer]) -> None:
    """Make a layout of podman reproducible, after `place_parent_layers`.

    The manifest names a parent's layers as its registry has them. The history does not say from
    which image of podman's own storage each step went on: their ids hold random names.
    """
    parents = {layer.diff: layer for layer in parent_layers}
    descriptor = entry(layout)
    manifest = read(layout, descriptor["digest"])
    replaced = {descriptor["digest"], manifest["config"]["digest"], *parents}
    config = read(layout, manifest["config"]["digest"])
    for record in config.get("history", ()):
        if str(record.get("comment", "")).startswith("FROM "):
            del record["comment"]
    manifest["config"].update(_write(layout, config))
    for listed in manifest["layers"]:
        if (layer := parents.get(listed["digest"])) is not None:
            listed.update(mediaType=layer.kind, digest=layer.digest, size=layer.size)
    written = _write(layout, manifest)
    index = _index(layout)
    index["manifests"][0].update(written)
    (layout / "index.json").write_text(json.dumps(index, separators=(",", ":")))
    for digest in replaced - {written["digest"], manifest["config"]["digest"]}:
        blob(layout, digest).unlink()


def _write(layout: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Write a JSON blob with its keys in their order; return its digest and size."""
    data = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    digest = digest_of(data)
    blob(layout, digest).write_bytes(data)
    return {"digest": digest, "size": len(data)}


def missing(layout: Path) -> tuple[ImageLayer, ...]:
    """Return the layers of the only image of a layout whose blobs are missing.

    Raises StepError for a blob that is not a regular file, or not as long as the manifest says.
    """
    absent = []
    for layer in layers_in(layout):
        try:
            status = blob(layout, layer.digest).lstat()
        except FileNotFoundError:
            absent.append(layer)
            continue
        if not stat.S_ISREG(status.st_mode) or status.st_size != layer.size:
            raise StepError(
                f"{layout}: blob {layer.digest} is not a regular file of {layer.size:,} bytes",
                hint=_AGAIN,
            )
    return tuple(absent)


def partial_folder(layout: Path) -> Path:
    """Return the path of a new folder beside `layout`; `move_into_place` takes it when filled."""
    partial = layout.with_name(layout.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    return partial


def move_into_place(partial: Path, layout: Path) -> None:
    """Replace `layout` by a finished one."""
    shutil.rmtree(layout, ignore_errors=True)
    partial.rename(layout)
