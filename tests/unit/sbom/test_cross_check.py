"""What is in the layers of an image, against the lock."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.sbom.cross_check import cross_check
from builder.sbom.layer_packages import read_packages
from tests.unit.sbom import lineages

SYSTEM = "usr/lib/python3/dist-packages"
DPKG = (
    f"{lineages.STATUS}\nPackage: tar\nStatus: install ok installed\nVersion: 1.35+dfsg-3.1+b1\n"
    "\nPackage: desk\nStatus: install ok installed\nVersion: 2:1.0-1\n"
)
IMAGE = {
    "var/lib/dpkg/status": DPKG,
    "var/lib/dpkg/info/desk.list": f"/{SYSTEM}/desk\n/{SYSTEM}/desk/a.py\n"
    f"/{SYSTEM}/desk-1.dist-info/METADATA\n/usr/lib/R/library/base/DESCRIPTION\n",
    f"{SYSTEM}/desk/a.py": "",
    f"{SYSTEM}/desk-1.dist-info/METADATA": "Name: desk\nVersion: 1\n",
    "opt/venv/lib/python3.13/site-packages/ruamel.yaml-0.18.6.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: ruamel.yaml\nVersion: 0.18.6\n\nName: other\nVersion: 9\n"
    ),
    "opt/venv/lib/python3.13/site-packages/pip-25.dist-info/METADATA": "Name: pip\nVersion: 25\n",
    "usr/lib/R/library/base/DESCRIPTION": "Package: base\nVersion: 4.5.0\n",
    "usr/local/lib/R/library/dplyr/DESCRIPTION": "Package: dplyr\nVersion: 1.1.4\n",
    "opt/julia/packages/CSV/aB3dE/Project.toml": 'name = "CSV"\nversion = "0.10.15"\n',
}
EXPECTS = {"pip": ("pip",)}


def _layer(file: Path, contents: Mapping[str, str]) -> Path:
    with tarfile.open(file, "w:gz") as archive:
        for name, text in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return file


def _lines(folder: Path, *layers: Mapping[str, str]) -> list[str]:
    files = [_layer(folder / f"{number}.tar.gz", one) for number, one in enumerate(layers)]
    found = cross_check(lineages.sbom(folder), read_packages(files), EXPECTS)
    assert found.is_explained is not any(
        line.startswith(("only in the image", "of no package")) for line in found.lines()
    )
    return found.lines()


def test_what_is_in_both(tmp_path: Path) -> None:
    assert _lines(tmp_path, IMAGE) == [
        "7 packages are in both",
        "only in the lock: 1",
        "    pip torch 2.6.0+cpu",
    ]


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        (f"{SYSTEM}/evil.py", "", f"    {SYSTEM}/evil.py"),
        (f"{SYSTEM}/evil-1.dist-info/METADATA", "Name: evil\nVersion: 1\n",
         f"    pip evil 1: {SYSTEM}/evil-1.dist-info/METADATA"),
        ("home/x/site-packages/torch-3.dist-info/METADATA", "Name: torch\nVersion: 3\n",
         "    pip torch 3: home/x/site-packages/torch-3.dist-info/METADATA"),
        ("srv/library/evil/DESCRIPTION", "Package: evil\nVersion: 1\n",
         "    r evil 1: srv/library/evil/DESCRIPTION"),
        ("var/lib/dpkg/status.d/evil", "Package: evil\nVersion: 1\n",
         "    apt evil 1: var/lib/dpkg/status.d/evil"),
        ("opt/julia/packages/Evil/aB3dE/Project.toml", 'version = "1.0.0"\n',
         "    julia Evil 1.0.0: opt/julia/packages/Evil/aB3dE/Project.toml"),
    ],
)  # fmt: skip
def test_what_was_planted(tmp_path: Path, path: str, text: str, line: str) -> None:
    assert line in _lines(tmp_path, IMAGE, {f"./{path}": text})


def test_a_program_of_the_image_that_lies_changes_nothing(tmp_path: Path) -> None:
    fake = {"usr/bin/dpkg-query": "#!/bin/sh\nexit 0\n", "usr/bin/python3": "#!/bin/sh\n"}
    assert _lines(tmp_path, IMAGE, fake) == _lines(tmp_path, IMAGE)


@pytest.mark.parametrize(
    "whiteout",
    [
        "home/x/site-packages/.wh.evil-1.dist-info",
        "home/.wh.x",
        "home/x/.wh..wh..opq",
    ],
)
def test_what_a_higher_layer_removes_is_not_there(tmp_path: Path, whiteout: str) -> None:
    evil = {"home/x/site-packages/evil-1.dist-info/METADATA": "Name: evil\nVersion: 1\n"}
    assert any("evil" in line for line in _lines(tmp_path, IMAGE, evil))
    assert not any("evil" in line for line in _lines(tmp_path, IMAGE, evil, {whiteout: ""}))
    assert any("evil" in line for line in _lines(tmp_path, IMAGE, {whiteout: "", **evil}))


def test_a_base_of_which_nothing_is_known(tmp_path: Path) -> None:
    target = lineages.project(tmp_path).expansion.targets["desk/os=2,lang=1.10"]
    sbom = lineages.lineages(tmp_path, status=None).sbom(target)
    layer = _layer(tmp_path / "layer.tar.gz", {**IMAGE, f"{SYSTEM}/evil.py": ""})
    found = cross_check(sbom, read_packages([layer]), EXPECTS)
    assert found.lines()[:2] == [
        "3 packages are in both",
        "apt is not compared: its package status is not on this machine",
    ]
    assert found.is_explained


def test_a_damaged_layer(tmp_path: Path) -> None:
    file = tmp_path / "layer"
    file.write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(StepError, match="the layer layer cannot be read"):
        read_packages([file])


@pytest.mark.parametrize("text", ["", "Name: a", "Name:\nVersion:\n", "\x00" * 50, "Version: 1\n"])
def test_metadata_that_says_nothing(tmp_path: Path, text: str) -> None:
    path = "x/site-packages/a-1.dist-info/METADATA"
    assert read_packages([_layer(tmp_path / "layer", {path: text})]).installed == ()
