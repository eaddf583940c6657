"""Small OCI layouts, real enough for every tool that reads them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from builder.oci.image import ImageLayer

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def write_layout(
    folder: Path,
    content: bytes,
    env: Sequence[str] = (),
    architecture: str = "amd64",
    *,
    is_packed: bool = True,
    below: Sequence[ImageLayer] = (),
) -> str:
    """Write an image with a layer that holds one file; its digest. `env` are `NAME=value`.

    One that is not packed has a layer that is not compressed. The layers `below` are named only.
    """
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo("content")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    data = gzip.compress(tar.getvalue(), mtime=0) if is_packed else tar.getvalue()
    layer = _blob(folder, data)
    kind = _LAYER if is_packed else _LAYER.removesuffix("+gzip")
    diff = f"sha256:{hashlib.sha256(tar.getvalue()).hexdigest()}"
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": list(env)} if env else {},
        "rootfs": {"type": "layers", "diff_ids": [*(item.diff for item in below), diff]},
    }
    described = _blob(folder, json.dumps(config, sort_keys=True).encode())
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, **described},
        "layers": [
            *({"mediaType": item.kind, "digest": item.digest, "size": item.size} for item in below),
            {"mediaType": kind, **layer},
        ],
    }
    found = _blob(folder, json.dumps(manifest, sort_keys=True).encode())
    (folder / "index.json").unlink(missing_ok=True)
    add_manifest(folder, str(found["digest"]), int(found["size"]))
    return str(found["digest"])


def add_manifest(folder: Path, digest: str, size: int, name: str = "") -> None:
    """Add a manifest to the index of a layout, under a name if it has one."""
    file = folder / "index.json"
    index = json.loads(file.read_text()) if file.exists() else {"schemaVersion": 2, "manifests": []}
    item: dict[str, object] = {"mediaType": _MANIFEST, "digest": digest, "size": size}
    if name:
        item["annotations"] = {"org.opencontainers.image.ref.name": name}
    index["manifests"].append(item)
    file.write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def read_digest(folder: Path) -> str:
    """The digest of the one manifest of a layout."""
    (manifest,) = json.loads((folder / "index.json").read_text())["manifests"]
    return str(manifest["digest"])


def _blob(folder: Path, data: bytes) -> dict[str, str | int]:
    name = hashlib.sha256(data).hexdigest()
    (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    (folder / "blobs" / "sha256" / name).write_bytes(data)
    return {"digest": f"sha256:{name}", "size": len(data)}
