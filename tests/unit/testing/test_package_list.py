"""What is installed, and what of it has grown."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.catalog.packages import Package
from builder.common.errors import StepError
from builder.common.process import Command, Runner, which
from builder.testing import package_list
from tests.fakes.ecosystems import BUILT_IN

TEXT = (
    "apt\ttar\t1.35+dfsg-3\t3000k\n"
    "pip\tnumpy\t2.1.0\t71000000\n"
    "apt\tbase-files\t13\tk\n"
    "r\tglue\t1.8\t0\n"
)
FOUND = {
    "apt": {
        "base-files": Package(version="13", size=0),
        "tar": Package(version="1.35+dfsg-3", size=3_072_000),
    },
    "pip": {"numpy": Package(version="2.1.0", size=71_000_000)},
    "r": {"glue": Package(version="1.8", size=0)},
}


def test_the_lines_of_the_script_are_read() -> None:
    assert package_list.parse_lines(TEXT) == FOUND
    assert package_list.parse_lines("") == {}


def test_a_line_that_is_none_is_an_error() -> None:
    with pytest.raises(
        StepError,
        match=r"the list of installed packages has an unknown line: 'pip: command not found'",
    ):
        package_list.parse_lines("pip: command not found\n")


def test_what_is_written_is_read_again() -> None:
    assert package_list.parse(package_list.dump(FOUND)) == FOUND


def test_the_source_of_a_package_is_kept_where_it_is_another() -> None:
    text = "apt\tlibssl3t64\t3.5.1-1\t9k\topenssl\napt\ttar\t1.35\t9k\ttar\n"
    found = package_list.parse(package_list.dump(package_list.parse_lines(text)))
    assert {name: it.source for name, it in found["apt"].items()} == {
        "libssl3t64": "openssl", "tar": "",
    }  # fmt: skip
    assert b'"source": ""' not in package_list.dump(found)
    # What an older builder wrote down has no source, and is the same package.
    old = {"apt": {name: Package(version=it.version, size=it.size) for name, it in
                   found["apt"].items()}}  # fmt: skip
    assert package_list.without(found, old) == {"apt": {}}


def test_what_has_grown_comes_first_by_how_much() -> None:
    before = {"pip": {"numpy": Package(version="2.0", size=70_000_000)}}
    assert [str(item) for item in package_list.grown(before, FOUND)] == [
        "apt tar 1.35+dfsg-3: new, 3.1 MB",
        "pip numpy 2.1.0: was 2.0, +1.0 MB",
    ]
    assert package_list.grown(FOUND, FOUND) == ()


def test_what_the_parent_has_is_not_the_recipes() -> None:
    parent = {"apt": FOUND["apt"], "pip": {"numpy": Package(version="2.0", size=1)}}
    assert package_list.without(FOUND, parent) == {
        "apt": {},
        "pip": FOUND["pip"],
        "r": FOUND["r"],
    }


def test_the_largest() -> None:
    assert [name for name, _ in package_list.largest(FOUND, 2)] == ["pip numpy", "apt tar"]


def test_packages_of_every_depot_of_julia_are_listed(tmp_path: Path, runner: Runner) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "tr", "sed", "du", "cut", "basename"):
        (tools / name).symlink_to(str(which(name)))
    for name, file in (("CSV", "Project.toml"), ("Old", "JuliaProject.toml")):
        place = tmp_path / "depot/packages" / name / "AbCdE"
        place.mkdir(parents=True)
        (place / file).write_text(f'name = "{name}"\nversion = "0.10.15"\n')
    env = {"PATH": str(tools), "JULIA_DEPOT_PATH": f"~/.julia:{tmp_path / 'depot'}:"}
    plain = ("env", "--ignore-environment", *(f"{key}={value}" for key, value in env.items()))
    output = runner.run(Command(argv=(*plain, "sh", "-c", package_list.script(BUILT_IN))))
    found = package_list.parse_lines(output.stdout)["julia"]
    assert {name: it.version for name, it in found.items()} == {"CSV": "0.10.15", "Old": "0.10.15"}
    assert all(it.size for it in found.values())
