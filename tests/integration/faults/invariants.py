"""What holds of a registry and a chart repository at any moment, whatever went wrong."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from builder.catalog_fetch.artefact import tag_of
from builder.charts.repository.index import read_index
from builder.charts.repository.oci_artifact import package_in
from builder.common.hashing import sha256
from builder.plan import image_metadata
from builder.registry import release_record
from builder.registry.interfaces import Artifact, Blob
from builder.registry.release_record import Record
from tests.integration.faults.catalog import PREFIX

_SOURCE = tag_of("")
_ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Looks into a registry with nothing of the builder in between."""

    address: str

    def repositories(self) -> list[str]:
        """All of them."""
        found: list[str] = self._get("_catalog?n=1000").json()["repositories"]
        return found

    def tags(self, repository: str) -> list[str]:
        """The tags of one."""
        answer = requests.get(f"http://{self.address}/v2/{repository}/tags/list", timeout=10)
        return sorted((answer.json().get("tags") or []) if answer.ok else [])

    def digest(self, repository: str, tag: str) -> str:
        """What a tag names, which is there whole: its manifest, and every blob of it."""
        answer = self._get(f"{repository}/manifests/{tag}")
        digest = "sha256:" + hashlib.sha256(answer.content).hexdigest()
        manifest = answer.json()
        for part in manifest.get("manifests", []):
            self.digest(repository, part["digest"])
        for part in [manifest["config"], *manifest["layers"]] if "config" in manifest else []:
            blob = self._get(f"{repository}/blobs/{part['digest']}").content
            assert f"sha256:{hashlib.sha256(blob).hexdigest()}" == part["digest"]
        return digest

    def artifact(self, repository: str, tag: str) -> Artifact:
        """An artifact of the builder."""
        manifest = self._get(f"{repository}/manifests/{tag}").json()

        def blob(part: dict[str, Any]) -> bytes:
            return self._get(f"{repository}/blobs/{part['digest']}").content

        files = {
            part["annotations"]["org.opencontainers.image.title"]: Blob(
                kind=part["mediaType"], data=blob(part)
            )
            for part in manifest["layers"]
        }
        config = manifest["config"]
        return Artifact(kind=config["mediaType"], config=blob(config), files=files)

    def everything(self) -> dict[str, dict[str, str]]:
        """What each tag names, by repository; all of it is there whole."""
        return {
            name: {tag: self.digest(name, tag) for tag in self.tags(name)}
            for name in self.repositories()
        }

    def record(self, tag: str = release_record.CURRENT) -> Record | None:
        """A release record, or None where there is none."""
        repository = f"{PREFIX}-{release_record.REPOSITORY}"
        if tag not in self.tags(repository):
            return None
        found = self.artifact(repository, tag)
        assert found.kind == release_record.KIND
        return release_record.parse(found.files[release_record.FILE].data)

    def _get(self, path: str) -> requests.Response:
        answer = requests.get(
            f"http://{self.address}/v2/{path}", headers={"Accept": _ACCEPT}, timeout=10
        )
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer


def check(registry: Registry, *charts: Path) -> Record | None:
    """Assert all that always holds, of a registry and of folders of charts; what is current."""
    held = registry.everything()
    records = {}
    for tag, digest in held.pop(f"{PREFIX}-{release_record.REPOSITORY}", {}).items():
        if tag.endswith(_SOURCE):  # the files that a release was made from, beside its record
            continue
        found = registry.record(tag)
        assert found is not None
        records[digest] = found
        assert tag in {release_record.CURRENT, found.release}
    for name, tags in held.items():
        if name.startswith(f"{PREFIX}-{release_record.CHARTS}/"):
            _check_chart(registry, name, tags, records.values())
        elif name.startswith(PREFIX):
            _check_image(registry, name, tags)
    current = registry.record()
    if current is not None:
        _check_record(registry, current)
    for folder in charts:
        _check_folder(registry, folder)
    return current


def _check_image(registry: Registry, name: str, tags: dict[str, str]) -> None:
    """Each tag of an image names what passed its tests, as its evidence says."""
    tested = set()
    for tag, digest in tags.items():
        if name == f"{PREFIX}-os" and tag == f"fp-{digest[7:39]}":
            tested.add(digest)  # a base, which is what its tag says
            continue
        if not tag.startswith("fp-") or tag.endswith(".evidence"):
            continue
        assert f"{tag}.evidence" in tags, f"{name}:{tag} has no evidence"
        known = registry.artifact(name, f"{tag}.evidence")
        said = json.loads(known.config)
        assert known.kind == image_metadata.KIND
        assert said["digest"] == digest
        assert said["tests"]["passed"] > 0
        assert said["tests"]["failed"] == 0
        tested.add(digest)
    for tag, digest in tags.items():
        assert tag.endswith(".evidence") or digest in tested, f"{name}:{tag} was not tested"


def _check_chart(registry: Registry, name: str, tags: dict[str, str], records: Any) -> None:
    """A chart's version is one of a release; what only passed its checks has a tag of its own."""
    chart = name.rpartition("/")[2]
    released = {
        version: listed["manifest"]
        for record in records
        for version, listed in record.charts[chart].listed.items()
    }
    for tag, digest in tags.items():
        package_in(registry.artifact(name, tag), tag)
        assert tag.startswith("fp-") or released[tag] == digest


def _check_record(registry: Registry, record: Record) -> None:
    """What is offered is there, and was tested."""
    for key, target in record.targets.items():
        place = f"{PREFIX}-{target.image}"
        assert registry.digest(place, f"fp-{target.fingerprint[:32]}") == target.digest, key
        assert target.tests["passed"] > 0
        assert target.tests["failed"] == 0
    for name, chart in record.charts.items():
        place = f"{PREFIX}-{release_record.CHARTS}/{name}"
        for version, listed in chart.listed.items():
            manifest = listed["manifest"]
            assert registry.digest(place, manifest) == manifest
            package = package_in(registry.artifact(place, manifest), version)
            assert package.digest == listed["digest"]
        for image in chart.images:
            repository, _, tag = image.partition("/")[2].partition(":")
            (target,) = (
                it for it in record.targets.values() if f"{PREFIX}-{it.image}" == repository
            )
            assert tag in target.immutable(record.release)


def _check_folder(registry: Registry, folder: Path) -> None:
    """The index is whole, and all that it lists is there as listed, and of the current release."""
    index = folder / "index.yaml"
    if not index.exists():
        return
    record = registry.record()
    assert record is not None
    for name, versions in read_index(index.read_bytes(), str(index)).items():
        for item in versions:
            (url,) = item["urls"]
            data = (folder / url).read_bytes()
            assert sha256(data) == item["digest"]
            assert record.charts[name].listed[item["version"]]["digest"] == item["digest"]


def check_offered(registry: Registry, record: Record, folder: Path) -> None:
    """Every tag and the index are as the record says: nothing is left to be done."""
    for target in record.targets.values():
        repository = f"{PREFIX}-{target.image}"
        wanted = {*target.immutable(record.release), *target.rolling} if target.publish else set()
        for tag in wanted:
            assert registry.digest(repository, tag) == target.digest, tag
    index = read_index((folder / "index.yaml").read_bytes(), "index.yaml")
    for name, chart in record.charts.items():
        repository = f"{PREFIX}-{release_record.CHARTS}/{name}"
        manifest = chart.listed[chart.version]["manifest"]
        assert registry.digest(repository, chart.version) == manifest
        assert {item["version"] for item in index[name]} == set(chart.listed)
