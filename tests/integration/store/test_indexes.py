"""What an index says, as other programs read it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.common.process import Runner
from builder.oci.reference import Reference, parse
from builder.registry.store import RegistryStore
from tests.fakes.layout import write_layout
from tests.integration.registry import registry


@pytest.fixture(scope="module")
def place() -> Iterator[Reference]:
    """A repository of a real registry."""
    folder, runner = Path(tempfile.mkdtemp()), Runner()
    with registry(folder, runner=runner) as host:
        yield parse(f"{host}/team/image")
    runner.stop()
    shutil.rmtree(folder)


def skopeo(*argv: str) -> str:
    command = ["skopeo", *argv]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_skopeo_finds_each_platform_in_it(place: Reference, tmp_path: Path) -> None:
    store = RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)
    manifests = {}
    for platform in ("linux/arm64", "linux/amd64", "linux/arm/v7"):
        folder = tmp_path / platform.replace("/", "-")
        manifests[platform] = write_layout(folder, platform.encode())
        store.push(folder, place.with_tag(f"fp-{folder.name}"))
    digest = store.put_index(manifests, place)
    store.copy(place.at(digest), place.with_tag("latest"))
    url = f"docker://{place.with_tag('latest')}"
    raw = skopeo("inspect", "--raw", "--tls-verify=false", url)
    found = json.loads(raw)
    assert found["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert [entry["digest"] for entry in found["manifests"]] == [
        manifests[platform] for platform in sorted(manifests)
    ]
    assert [entry["platform"] for entry in found["manifests"]] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm", "os": "linux", "variant": "v7"},
        {"architecture": "arm64", "os": "linux"},
    ]
    for arch, platform in (("amd64", "linux/amd64"), ("arm64", "linux/arm64")):
        layout = tmp_path / f"pulled-{arch}"
        copy = ("copy", "--quiet", "--src-tls-verify=false", url, f"oci:{layout}")
        skopeo(f"--override-arch={arch}", "--override-os=linux", *copy)
        (pulled,) = json.loads((layout / "index.json").read_text())["manifests"]
        assert pulled["digest"] == manifests[platform]
