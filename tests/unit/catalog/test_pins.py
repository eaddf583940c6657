"""What may be pinned, and how: each ecosystem says it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from builder.common.errors import BuilderError
from builder.project import Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.catalog import Folder

LINE = "  base: {from: os, axes: [os]"


def pin(folder: Folder, **packages: object) -> None:
    """Have the image `base` pin packages, by ecosystem."""
    given = json.dumps({**packages, "reason": "it leaks", "until": "2027-01-31"})
    folder.edit("matrix.yaml", f"{LINE}}}", f"{LINE}, pin: {given}}}")


def refused(folder: Folder, **packages: object) -> str:
    pin(folder, **packages)
    with pytest.raises(BuilderError) as caught:
        Workspace(folder.root).load(ecosystems=ECOSYSTEMS)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    "packages",
    [
        {"r": {"dplyr": ">= 1.1, < 2", "cli": "==1.7-4", "R6": "!= 1.0"}},
        {"apt": {"libstdc++6": "1:2.47*"}, "pip": {"lxml": ">=5.3.1"}, "julia": {"CSV": "1"}},
    ],
)
def test_what_is_pinned(folder: Folder, packages: Mapping[str, Mapping[str, str]]) -> None:
    pin(folder, **packages)
    found = Workspace(folder.root).load(ecosystems=ECOSYSTEMS).catalog.matrix.images["base"].pin
    assert found is not None
    assert (found.packages, found.reason, found.until) == (packages, "it leaks", "2027-01-31")


@pytest.mark.parametrize("limit", ["1.1", "~= 1.1", ">= 1.1 < 2", ""])
def test_what_is_no_limit_of_r(folder: Folder, limit: str) -> None:
    lines = refused(folder, r={"dplyr": limit}).splitlines()
    assert lines[0] == f"matrix.yaml:16:53: {limit!r} is not a version limit of r"
    assert lines[-1] == '  hint: write it as in r: {dplyr: ">= 1.1, < 2"}'


@pytest.mark.parametrize("package", ["git*", "/git/", "git:i386", ""])
def test_a_package_of_apt_is_named_exactly(folder: Folder, package: str) -> None:
    lines = refused(folder, apt={package: "1"}).splitlines()
    assert lines[0] == f"matrix.yaml:16:46: {package!r} is not a package name of apt"


@pytest.mark.parametrize("version", ["1\nPackage: *", ""])
def test_a_version_of_apt_is_one_word(folder: Folder, version: str) -> None:
    assert f"{version!r} is not a version limit of apt\n" in refused(folder, apt={"git": version})


def test_an_ecosystem_that_takes_no_pins(folder: Folder) -> None:
    lines = refused(folder, npm={"x": "1"}).splitlines()
    assert lines[0] == "matrix.yaml:16:38: packages of npm cannot be pinned"


def test_an_ecosystem_that_is_not_there(folder: Folder) -> None:
    lines = refused(folder, atp={"git": "1"}).splitlines()
    assert lines[0] == "matrix.yaml:16:38: no ecosystem is called 'atp'"
    assert lines[-1].startswith("  hint: did you mean apt?")


def test_limits_are_texts_by_package(folder: Folder) -> None:
    said = refused(folder, apt={"git": 2})
    assert said.splitlines()[0] == "matrix.yaml:16:53: 2 is a number here, and must be a string"


def test_a_list_is_no_mapping_of_limits(folder: Folder) -> None:
    said = refused(folder, apt=["git"])
    assert said.splitlines()[0] == "matrix.yaml:16:45: images.base.pin.apt must be a mapping"
