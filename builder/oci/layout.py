"""OCI layouts with one manifest: an engine writes them, and a registry client pushes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.common.errors import StepError
from builder.common.hashing import digest_of
from builder.oci.image import ImageLayer

INDEX = "application/vnd.oci.image.index.v1+json"


def blob(layout: Path, digest: str) -> Path:
    """Return the path of a blob in a layout."""
    algorithm, _, value = digest.partition(":")
    return layout / "blobs" / algorithm / value


def read(layout: Path, digest: str) -> dict[str, Any]:
    """Read a JSON blob: a manifest or a configuration."""
    content: dict[str, Any] = json.loads(blob(layout, digest).read_bytes())
    return content


def entry(layout: Path) -> dict[str, Any]:
    """Read the descriptor of the only manifest of a layout. Raises StepError without one."""
    try:
        index = json.loads((layout / "index.json").read_bytes())
    except (OSError, ValueError) as error:
        raise StepError(f"{layout} is not an OCI layout: {error}") from error
    manifests: list[dict[str, Any]] = index.get("manifests", [])
    if len(manifests) != 1:
        raise StepError(f"{layout} holds {len(manifests)} manifests, not one")
    return manifests[0]


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
    """Return the layers that a manifest and its configuration describe, the lowest first."""
    blobs, diffs = manifest["layers"], config["rootfs"]["diff_ids"]
    made = [item for item in config.get("history") or [] if not item.get("empty_layer")]
    known = len(made) == len(blobs)
    said = [item.get("created_by", "") for item in made] if known else [""] * len(blobs)
    return tuple(
        ImageLayer(
            digest=blob["digest"],
            size=int(blob["size"]),
            diff=diff,
            instruction=text,
            kind=blob["mediaType"],
        )
        for blob, diff, text in zip(blobs, diffs, said, strict=True)
    )


def layers_in(layout: Path) -> tuple[ImageLayer, ...]:
    """Read the layers of the only image of a layout, the lowest first."""
    manifest = read(layout, entry(layout)["digest"])
    return layers(manifest, read(layout, manifest["config"]["digest"]))


def config_in(layout: Path) -> dict[str, Any]:
    """Read the configuration of the only image of a layout."""
    return read(layout, read(layout, entry(layout)["digest"])["config"]["digest"])


def expect(layout: Path, below: Sequence[ImageLayer]) -> None:
    """Have an engine that writes into `layout` find the layers of a parent there.

    They are empty files, by their uncompressed digests: `canonize` takes them away.
    """
    for layer in below:
        place = blob(layout, layer.diff)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def canonize(layout: Path, below: Sequence[ImageLayer]) -> None:
    """After `expect`: leave in a layout of podman's what the same inputs always give.

    The manifest names a parent's layers as its registry has them. The history does not say from
    which image of podman's own storage each step went on: their ids hold random names.
    """
    known = {layer.diff: layer for layer in below}
    descriptor = entry(layout)
    manifest = read(layout, descriptor["digest"])
    gone = {descriptor["digest"], manifest["config"]["digest"], *known}
    config = read(layout, manifest["config"]["digest"])
    for item in config.get("history", ()):
        if str(item.get("comment", "")).startswith("FROM "):
            del item["comment"]
    manifest["config"].update(_write(layout, config))
    for item in manifest["layers"]:
        if (layer := known.get(item["digest"])) is not None:
            item.update(mediaType=layer.kind, digest=layer.digest, size=layer.size)
    written = _write(layout, manifest)
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"][0].update(written)
    (layout / "index.json").write_text(json.dumps(index, separators=(",", ":")))
    for digest in gone - {written["digest"], manifest["config"]["digest"]}:
        blob(layout, digest).unlink()


def _write(layout: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Write a JSON blob, its keys in their order; its digest and size."""
    data = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    digest = digest_of(data)
    blob(layout, digest).write_bytes(data)
    return {"digest": digest, "size": len(data)}


def missing(layout: Path) -> tuple[str, ...]:
    """Return the layers of the only image of a layout whose blobs are missing."""
    return tuple(
        layer.digest for layer in layers_in(layout) if not blob(layout, layer.digest).exists()
    )


def fresh(layout: Path) -> Path:
    """Return the path of a new folder beside `layout`, to be filled and given to `settle`."""
    partial = layout.with_name(layout.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    return partial


def settle(partial: Path, layout: Path) -> None:
    """Put a finished layout in its place, instead of what stood there."""
    shutil.rmtree(layout, ignore_errors=True)
    partial.rename(layout)
