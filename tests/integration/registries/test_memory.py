"""A layer of 300 MB goes through the builder in pieces, where no registry mounts it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.oci.reference import Reference
from tests.integration.cli.conftest import Tiny, lay
from tests.integration.registries.behaviours import GHCR
from tests.integration.registries.conftest import World
from tests.integration.registries.journey import clean_environment

pytestmark = pytest.mark.heavy
SIZE = 300 << 20
MOST = 200 << 20


def add_large_layer(layout: Path) -> None:
    """Put a layer of that size on the image of an OCI layout."""
    blobs = layout / "blobs" / "sha256"
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_bytes())
    config = json.loads((blobs / manifest["config"]["digest"][7:]).read_bytes())
    archive, packed = blobs / "archive", blobs / "packed"
    with tarfile.open(archive, "w") as tar, tempfile.TemporaryFile() as content:
        piece = os.urandom(1 << 20)  # unlike itself within the reach of gzip
        for _ in range(SIZE >> 20):
            content.write(piece)
        content.seek(0)
        entry = tarfile.TarInfo("large.bin")
        entry.size = SIZE
        tar.addfile(entry, content)
    with archive.open("rb") as file, gzip.open(packed, "wb", compresslevel=0) as stream:
        shutil.copyfileobj(file, stream, 1 << 20)
    config["rootfs"]["diff_ids"].append(f"sha256:{_hash(archive)}")
    archive.unlink()
    digest, size = _hash(packed), packed.stat().st_size
    packed.rename(blobs / digest)
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    manifest["layers"].append({"mediaType": kind, "digest": f"sha256:{digest}", "size": size})
    config.get("history", []).append({"created_by": "large"})
    manifest["config"] |= _written(blobs, config)
    index["manifests"][0] |= _written(blobs, manifest)
    (layout / "index.json").write_text(json.dumps(index))


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _written(blobs: Path, document: object) -> dict[str, object]:
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


@pytest.fixture
def checkout(world: World, work: Path, parent: Reference) -> Tiny:
    """A catalog on a base with a layer of that size."""
    layout = work / "large-base"
    copy("--src-tls-verify=false", f"docker://{parent}", f"oci:{layout}:large")
    add_large_layer(layout)
    name = f"{GHCR.namespace}/large:1"
    copy("--dest-tls-verify=false", f"oci:{layout}:large", f"docker://{world.upstream}/{name}")
    base = f"{GHCR.registry}/{name}"
    return lay(work / "large", registry=GHCR.place, base=base, prefix="large")


def copy(*arguments: str) -> None:
    """Have skopeo copy an image."""
    argv = ["skopeo", "copy", "--quiet", "--preserve-digests", *arguments]
    subprocess.run(argv, check=True, timeout=120)


def peak(tiny: Tiny, environment: Mapping[str, str], *arguments: str) -> int:
    """Run the builder; the most bytes that its own process had in memory."""
    command = tiny.command(*arguments)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    most = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        most = max(most, *(int(number) << 10 for number in found), 0)
        time.sleep(0.02)
    text, _ = process.communicate()
    assert process.returncode == 0, text.decode()
    print(f"{' '.join(arguments)}: {most >> 20} MB")
    return most


def test_a_large_layer_is_never_held_whole(checkout: Tiny, world: World, tmp_path: Path) -> None:
    front, start = world.fronts["ghcr"], len(world.fronts["ghcr"].asked)
    environment = clean_environment(front, world, tmp_path / "home", "2026-11-23")
    peak(checkout, environment, "lock")
    assert 0 < peak(checkout, environment, "build", "--select", "other") < MOST
    asked = front.asked[start:]
    assert {item.code for item in asked if item.kind == "mount"} == {202}
    assert [item for item in asked if item.kind == "storage" and item.is_builder]
    out = tmp_path / "out"
    assert (
        0 < peak(checkout, environment, "build", "--select", "other", "--export", str(out)) < MOST
    )
    sizes = [file.stat().st_size for file in (out / "blobs" / "sha256").iterdir()]
    assert max(sizes) > SIZE * 0.9
