"""The documents of what is in an image."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from builder.app.planning import fingerprints_of
from builder.lock.lockfile import Lock
from builder.oci.reference import parse
from builder.sbom import cyclonedx, dpkg, spdx
from builder.sbom.base_status import read_status
from builder.sbom.lineage import Lineages, Made
from builder.sbom.model import BASE, INPUT, LOCK, Sbom
from tests.fakes.this_catalog import this_catalog
from tests.unit.sbom import lineages


def _purls(sbom: Sbom) -> dict[str, tuple[str, str]]:
    return {item.purl: (item.evidence, item.brought_by) for item in sbom.components}


def test_it_has_the_lineage_the_inputs_and_the_base(tmp_path: Path) -> None:
    base, file = (LOCK, "base/os=2"), "https://example.org/lang.tar.gz"
    oci = "pkg:oci/{0}?repository_url=registry.example/catalog/{0}&tag=fp-"
    found = _purls(lineages.sbom(tmp_path))
    images = {purl.split("&")[0]: found.pop(purl) for purl in list(found) if "pkg:oci" in purl}
    assert images == {
        oci.format("base").split("&")[0]: base,
        oci.format("speech").split("&")[0]: (LOCK, "speech/os=2,lang=1.10"),
        oci.format("tool").split("&")[0]: (LOCK, "tool/os=2"),
    }
    assert found == {
        "pkg:cran/dplyr@1.1.4": base,
        "pkg:deb/debian/base-files@13.8?arch=amd64&distro=two": (BASE, "os=2@linux/amd64"),
        "pkg:deb/debian/desk@2:1.0-1?arch=all&distro=two": (LOCK, "desk/os=2,lang=1.10"),
        "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=two": (BASE, "os=2@linux/amd64"),
        "pkg:deb/debian/tar@1.35%2Bdfsg-3.1%2Bb1?arch=amd64&distro=two": base,
        f"pkg:generic/lang@1.10.4?checksum=sha256:{lineages.HASH}&download_url={file}"
        "&file_name=lang.tar.gz": (LOCK, "speech/os=2,lang=1.10"),
        f"pkg:julia/CSV@0.10.15?uuid={lineages.UUID}": base,
        "pkg:maven/org.oak/oak@1.0": base,
        "pkg:npm/%40coder/logger@3.0.1": base,
        "pkg:pypi/ruamel-yaml@0.18.6?file_name=ruamel.yaml-0.18.6-py3-none-any.whl": base,
        "pkg:pypi/torch@2.6.0%2Bcpu?file_name=torch-2.6.0%2Bcpu-cp313-none-any.whl"
        "&repository_url=https://download.pytorch.org/whl": base,
    }


def test_its_own_part_has_nothing_of_others(tmp_path: Path) -> None:
    found = lineages.sbom(tmp_path, is_flat=False)
    kinds = {item.name: item.kind for item in found.components}
    assert kinds == {
        "desk": "library",
        "speech/os=2,lang=1.10": "container",
        "tool/os=2": "container",
    }
    assert [len(needs) for needs in found.edges.values()] == [3]


def test_a_source_package_has_its_own_version(tmp_path: Path) -> None:
    found = {item.name: item for item in lineages.sbom(tmp_path).components}
    assert found["tar"].source_purl == "pkg:deb/debian/tar@1.35%2Bdfsg-3.1?arch=source&distro=two"
    assert found["desk"].source_purl == "pkg:deb/debian/desk@2:1.0-1?arch=source&distro=two"
    assert found["libc6"].source_purl == "pkg:deb/debian/glibc@2.41-12?arch=source&distro=two"
    assert found["libc6"].supplier == "Oak <oak@example.org>"
    assert found["tar"].size == 900


def test_the_base_says_what_needs_what(tmp_path: Path) -> None:
    edges = lineages.sbom(tmp_path).edges
    assert edges["pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=two"] == (
        "pkg:deb/debian/base-files@13.8?arch=amd64&distro=two",
    )


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    made = lineages.lineages(tmp_path, status=None)
    target = lineages.project(tmp_path).expansion.targets["base/os=2"]
    why = "its package status is not on this machine"
    found = made.sbom(target)
    assert found.unknown == {"os=2@linux/amd64": why}
    assert cyclonedx.document(found)["metadata"]["properties"] == [
        {"name": "catalog:unknown:os=2@linux/amd64", "value": why}
    ]
    assert spdx.document(found)["creationInfo"]["comment"] == (
        f"nothing is known of os=2@linux/amd64: {why}"
    )


def test_an_input_is_marked(tmp_path: Path) -> None:
    held = replace(
        lineages.lock(),
        package_sets={"tool/os=2": lineages.lock().package_sets["desk/os=2,lang=1.10"]},
    )
    made = lineages.lineages(tmp_path, held=held)
    found = made.sbom(lineages.project(tmp_path).expansion.targets["desk/os=2,lang=1.10"])
    assert {item.name: item.evidence for item in found.components}["desk"] == INPUT


@pytest.mark.parametrize("is_flat", [True, False])
def test_cyclonedx_is_valid(tmp_path: Path, *, is_flat: bool) -> None:
    text = cyclonedx.dump(lineages.sbom(tmp_path, is_flat=is_flat)).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    wrong = text.replace('"SHA-256"', '"SHA-257"').replace('"container"', '"box"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(wrong) is not None


@pytest.mark.parametrize("is_flat", [True, False])
def test_spdx_is_valid(tmp_path: Path, *, is_flat: bool) -> None:
    data = json.loads(spdx.dump(lineages.sbom(tmp_path, is_flat=is_flat)))
    document = JsonLikeDictParser().parse(data)
    assert validate_full_spdx_document(document) == []
    data["packages"][0]["SPDXID"] = "wrong id"
    assert validate_full_spdx_document(JsonLikeDictParser().parse(data)) != []


def test_the_same_image_has_the_same_bytes(tmp_path: Path) -> None:
    first, second = (lineages.sbom(tmp_path / name) for name in ("one", "two"))
    assert cyclonedx.dump(first) == cyclonedx.dump(second)
    assert spdx.dump(first) == spdx.dump(second)
    other = replace(second, identity="f" * 64)
    assert cyclonedx.serial(other) != cyclonedx.serial(first)
    assert cyclonedx.document(first)["metadata"]["timestamp"] == "1970-01-03T00:00:00Z"


def _tar(file: Path, contents: Mapping[str, bytes]) -> None:
    with tarfile.open(file, "w") as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def test_the_status_is_that_of_the_highest_layer(tmp_path: Path) -> None:
    lower, upper = tmp_path / "lower.tar", tmp_path / "upper.tar"
    _tar(lower, {"var/lib/dpkg/status": b"Package: old\nVersion: 1\n"})
    _tar(
        upper,
        {
            "./var/lib/dpkg/status": b"Package: new\nVersion: 2\n",
            "./var/lib/dpkg/status.d/part": b"Package: part\nVersion: 3\n",
            "./var/lib/dpkg/status.d/part.md5sums": b"Package: sums\nVersion: 4\n",
        },
    )
    found = dpkg.installed(read_status([lower, upper]))
    assert [(item.name, item.version) for item in found] == [("new", "2"), ("part", "3")]


@pytest.mark.parametrize(
    "text",
    ["Package: ../x\nVersion: 1", "Package: a b\nVersion: 1", "Package: a", "Version: 1", "::", ""],
)
def test_a_damaged_paragraph_is_left_out(text: str) -> None:
    assert not list(dpkg.installed(text))


def _detailed(lock: Lock) -> Lock:
    """A lock that says of each package what format 10 can."""
    return replace(
        lock,
        package_sets={
            key: replace(
                package_set,
                packages={
                    ecosystem: {
                        name: replace(package, size=1, built_from="other", source_version="1.2-3")
                        for name, package in packages.items()
                    }
                    for ecosystem, packages in package_set.packages.items()
                },
            )
            for key, package_set in lock.package_sets.items()
        },
    )


def test_what_describes_a_package_changes_no_fingerprint() -> None:
    project = this_catalog()
    assert project.lock is not None
    before = fingerprints_of(project, project.lock)
    after = fingerprints_of(project, _detailed(project.lock))
    assert {key: item.digest for key, item in after.items()} == {
        key: item.digest for key, item in before.items()
    }


def test_the_list_of_the_largest_image_has_each_package_of_its_lineage_once() -> None:
    project = this_catalog()
    assert project.lock is not None
    lock = project.lock
    made = Lineages(
        catalog=project.catalog,
        expansion=project.expansion,
        lock=lock,
        made={
            key: Made(reference=parse(f"registry.example/{number}"), fingerprint="0" * 64)
            for number, key in enumerate(project.expansion.targets)
        },
        status=lambda _base: lineages.STATUS,
    )

    def size(key: str) -> int:
        lineage = project.expansion.lineage(project.expansion.targets[key])
        sets = [lock.package_sets.get(item.made_id) for item in lineage]
        return sum(len(packages) for one in sets if one for packages in one.packages.values())

    largest = max(project.expansion.targets, key=size)
    found = made.sbom(project.expansion.targets[largest])
    purls = [item.purl for item in found.components]
    assert len(purls) == len(set(purls)) >= 400
    assert purls == sorted(purls)
    assert len(cyclonedx.dump(found)) > 100_000
