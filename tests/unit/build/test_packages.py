"""What an image has is held against what the lock says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.build.packages import check_installed
from builder.catalog.packages import Package, PackageList
from builder.common.errors import StepError
from tests.fakes.catalog import LOCK, Folder, Week
from tests.fakes.layers import layer

BASE = "base/os=1"
BELOW = {"libc6": "2.41"}
LOCKED = {"tar": "1.35", "grep": "3.11"}


def inventory(**ecosystems: Mapping[str, str]) -> PackageList:
    """What is installed, by ecosystem: names and versions."""
    return {
        ecosystem: {name: Package(version=version, size=1) for name, version in items.items()}
        for ecosystem, items in ecosystems.items()
    }


def said(
    folder: Folder, installed: PackageList, parent: PackageList | None, **locked: Mapping[str, str]
) -> str:
    """What is wrong with an image whose layer in the lock is this, or nothing."""
    week = Week(folder=folder, lock=replace(LOCK, package_sets={BASE: layer(**locked)}))
    work = week.work(week.plan())
    try:
        check_installed(work.expansion.targets[BASE], work, installed, parent)
    except StepError as error:
        return str(error)
    return ""


def test_what_is_as_locked_is_well(folder: Folder) -> None:
    installed = inventory(apt={**BELOW, **LOCKED}, pip={"Six": "1.17", "pip": "26"})
    assert said(folder, installed, inventory(apt=BELOW), apt=LOCKED, pip={"six": "1.17"}) == ""


def test_every_way_to_differ(folder: Folder) -> None:
    installed = inventory(
        apt={"libc6": "2.42", "tar": "1.36", "curl": "8.14"}, pip={"Six": "1.16", "lxml": "6"}
    )
    assert said(folder, installed, inventory(apt=BELOW), apt=LOCKED, pip={"six": "1.17"}) == (
        f"{BASE}: the installed packages differ from the lock\n"
        "    apt tar: locked 1.35, installed 1.36\n"
        "    apt grep: locked 3.11, not installed\n"
        "    apt libc6: its parent has 2.41, installed 2.42\n"
        "    apt curl: installed 8.14, not locked\n"
        "    pip six: locked 1.17, installed 1.16\n"
        "    pip lxml: installed 6, not locked\n"
        "  hint: let no RUN of the recipe install packages that recipe.yaml does not list"
    )


def test_packages_of_r_differ_by_their_names_as_they_are(folder: Folder) -> None:
    locked = {"R6": "2.6.1", "Matrix": "1.7-4"}
    well = inventory(r={"R6": "2.6.1", "Matrix": "1.7-4", "stats": "4.5.0", "MASS": "7.3-65"})
    assert said(folder, well, inventory(r={}), r=locked) == ""
    # Without a size it is Debian's; with one, somebody installed it.
    extra = {"cli": Package(version="3.6.5", size=9), "curl": Package(version="7.0", size=0)}
    assert said(folder, {"r": {**well["r"], **extra}}, inventory(r={}), r=locked) == (
        f"{BASE}: the installed packages differ from the lock\n"
        "    r cli: installed 3.6.5, not locked\n"
        "  hint: let no RUN of the recipe install packages that recipe.yaml does not list"
    )
    other = inventory(r={"r6": "2.6.1", "Matrix": "1.7-3"})
    assert said(folder, other, None, r=locked) == (
        f"{BASE}: the installed packages differ from the lock\n"
        "    r R6: locked 2.6.1, not installed\n"
        "    r Matrix: locked 1.7-4, installed 1.7-3\n"
        "  hint: let no RUN of the recipe install packages that recipe.yaml does not list"
    )


def test_a_package_of_python_that_is_debians_is_compared_as_that(folder: Folder) -> None:
    below, debians = {"python3-torch": "2.6"}, {"torch": Package(version="2.6", size=0)}
    installed = {**inventory(apt={**BELOW, **below}), "pip": debians}
    assert said(folder, installed, inventory(apt=BELOW), apt=below, pip={}) == ""


def test_a_parent_that_is_not_known(folder: Folder) -> None:
    installed = inventory(apt={"libc6": "2.42", "tar": "1.35", "curl": "8.14"})
    assert said(folder, installed, None, apt=LOCKED) == (
        f"{BASE}: the installed packages differ from the lock\n"
        "    apt grep: locked 3.11, not installed\n"
        "  hint: let no RUN of the recipe install packages that recipe.yaml does not list"
    )


def test_a_list_that_is_long(folder: Folder) -> None:
    extra = {f"p{number:02}": "1" for number in range(23)}
    lines = said(folder, inventory(apt=extra | LOCKED), inventory(apt={}), apt=LOCKED).splitlines()
    assert len(lines) == 23
    assert lines[20:22] == ["    apt p19: installed 1, not locked", "    and 3 more"]


def test_what_a_stage_leaves_behind_may_be_missing(folder: Folder) -> None:
    folder.edit(
        "images/base/Dockerfile.j2", "FROM {{ parent }}\n",
        "FROM {{ parent }} AS stage\nRUN make\nFROM {{ parent }}\n",
    )  # fmt: skip
    assert said(folder, inventory(apt={"tar": "1.35"}), inventory(apt={}), apt=LOCKED) == ""


def test_other_ecosystems_are_not_compared(folder: Folder) -> None:
    assert said(folder, inventory(apt={}), inventory(apt={}), wheel={"six": "1.17"}) == ""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A catalog."""
    return Folder(tmp_path)


def test_what_an_input_brings_is_locked_there(folder: Folder) -> None:
    desk = "desk/os=1,lang=1.9"
    week = Week(folder=folder, lock=replace(LOCK, package_sets={desk: layer(apt={"desk": "1"})}))
    work = week.work(week.plan())
    target = work.expansion.targets[desk]
    assert target.inputs
    copied = inventory(apt={"desk": "1", "tool": "2"})
    check_installed(target, work, copied, inventory(apt={}))
    with pytest.raises(StepError, match=r"apt desk: locked 1, installed 3"):
        check_installed(target, work, inventory(apt={"desk": "3"}), inventory(apt={}))


def test_packages_of_julia_are_compared_by_the_names_that_they_have(folder: Folder) -> None:
    installed = inventory(julia={"CSV": "0.10.15", "Zlib_jll": "1.3.1+2"})
    locked = {"CSV": "0.10.15", "Zlib_jll": "1.3.1+1"}
    assert said(folder, installed, inventory(), julia=locked) == (
        f"{BASE}: the installed packages differ from the lock\n"
        "    julia Zlib_jll: locked 1.3.1+1, installed 1.3.1+2\n"
        "  hint: let no RUN of the recipe install packages that recipe.yaml does not list"
    )


def test_artifacts_of_julia_are_in_the_lock_and_in_no_list_of_an_image(folder: Folder) -> None:
    locked = {"Zlib_jll": "1.3.1+1", "Zlib_jll:Zlib": "1.3.1+1"}
    assert said(folder, inventory(julia={"Zlib_jll": "1.3.1+1"}), inventory(), julia=locked) == ""
