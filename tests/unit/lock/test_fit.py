"""Which targets the lock does not fit, by the files alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.packages import LockedPackage
from builder.lock.fit import Misfit, misfits, refusals
from builder.lock.lockfile import Lock, PackageSet
from builder.project import Workspace
from tests.fakes.catalog import LOCK, Folder, plan_of, with_package_sets
from tests.fakes.layers import layer
from tests.fakes.locking import Locking

DESK = ("desk/os=2,lang=1.10", "desk/os=1,lang=1.9")


@pytest.fixture
def locking(folder: Folder, tmp_path: Path) -> Locking:
    return Locking(folder, tmp_path)


def found(folder: Folder, lock: Lock) -> dict[str, Misfit]:
    project = folder.load()
    return misfits(project.catalog, project.expansion, lock, project.expansion.targets)


def reasons(folder: Folder, lock: Lock) -> dict[str, str]:
    return {key: one.reason for key, one in found(folder, lock).items()}


def told(folder: Folder, lock: Lock) -> list[str]:
    read = Workspace(folder.root).read
    return [str(error) for error in refusals(found(folder, lock).values(), read)]


def test_what_was_just_locked_fits(locking: Locking) -> None:
    assert found(locking.folder, locking.lock()) == {}


def test_a_package_more_in_a_recipe(locking: Locking) -> None:
    lock, folder = locking.lock(), locking.folder
    folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, tree, jq]")
    why = "recipe desk names tree, jq, which are not in matrix.lock: run `builder lock`"
    assert reasons(folder, lock) == dict.fromkeys(DESK, why)
    assert told(folder, lock) == [
        f"images/desk/recipe.yaml:3:{column}: recipe desk names {name}, which is not in"
        " matrix.lock: desk/os=2,lang=1.10 and 1 other\n"
        "      apt: [desk, tree, jq]\n"
        f"{' ' * (column + 3)}^\n"
        "  hint: run `builder lock`"
        for name, column in (("tree", 15), ("jq", 21))
    ]


def test_a_package_less_in_a_recipe(locking: Locking) -> None:
    lock, folder = locking.lock(), locking.folder
    folder.edit("images/base/recipe.yaml", "[tar, grep]", "[tar]")
    why = "recipe base, or a pin of its image, changed since matrix.lock was made"
    assert reasons(folder, lock) == dict.fromkeys(
        ("base/os=2", "base/os=1"), f"{why}: run `builder lock`"
    )
    assert told(folder, lock) == [
        f"images/base/recipe.yaml:2:1: {why}: base/os=2 and 1 other\n"
        "    packages:\n    ^\n  hint: run `builder lock`"
    ]


def test_a_recipe_that_was_never_locked(locking: Locking) -> None:
    lock, folder = locking.lock(), locking.folder
    folder.write("images/tool/recipe.yaml", "summary: A tool\npackages:\n  apt: [tree, tar]\n")
    why = "recipe tool names tree, which is not in matrix.lock: `builder lock` says why"
    assert reasons(folder, lock) == {"tool/os=2": why, "tool/os=1": why}
    assert not any(one.is_edited for one in found(folder, lock).values())


def test_the_plan_blocks_it_and_what_stands_on_it(locking: Locking) -> None:
    lock, folder = locking.lock(), locking.folder
    folder.edit("images/speech/recipe.yaml", "apt: [lang]", "apt: [lang, tree]")
    unlocked = reasons(folder, lock)
    plan = plan_of(folder.load(), lock=lock, unlocked=unlocked)
    assert {key: it.reason for key, it in plan.targets.items() if it.action == "block"} == {
        f"{image}/{variant}": "recipe speech names tree, which is not in matrix.lock:"
        " run `builder lock`"
        for image in ("speech", "desk")
        for variant in ("os=2,lang=1.10", "os=1,lang=1.9")
    }


def test_a_parent_with_other_packages_is_no_reason(locking: Locking) -> None:
    """Else a provider that is not reached for a while would block what is locked by it."""
    locking.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, less]")
    first = locking.lock()
    locking.folder.edit("images/base/recipe.yaml", "[tar, grep]", "[tar, grep, lang]")
    locking.apt.versions["less"] = "unreachable"
    second = locking.lock(first)
    assert second.package_sets["base/os=2"] != first.package_sets["base/os=2"]
    assert found(locking.folder, second) == {}


def test_what_has_no_line_is_told_of_by_the_line(folder: Folder, tmp_path: Path) -> None:
    lock = Lock(bases=LOCK.bases, package_sets={"other": layer()})
    assert set(found(folder, lock)) == {"base/os=2", "base/os=1"}


def test_a_lock_without_any_packages_was_never_made_for_them(folder: Folder) -> None:
    assert set(found(folder, LOCK)) == {
        "base/os=2", "base/os=1", "speech/os=2,lang=1.10", "speech/os=1,lang=1.9", *DESK,
    }  # fmt: skip
    assert found(folder, with_package_sets(folder.load(), LOCK)) == {}


def test_a_name_in_the_summary_is_no_package(locking: Locking) -> None:
    lock, folder = locking.lock(), locking.folder
    folder.write(
        "images/tool/recipe.yaml", "summary: A tree\nports: [80]\npackages:\n  apt: [tree]\n"
    )
    assert told(folder, lock)[0].startswith("images/tool/recipe.yaml:4:9: recipe tool names tree")


def wheel(version: str) -> LockedPackage:
    return LockedPackage(version=version, digest="sha256:" + "1" * 64, source="pip", file="x.whl")


@pytest.mark.parametrize(
    ("names", "lacks"),
    [
        ("pip: [Lamp_Shade]", []),
        ('pip: ["lamp-shade[led]==2.1"]', []),
        ('pip: ["lamp-shade>=2,<3"]', []),
        ('pip: ["lamp-shade==2.2"]', ["tool/os=2"]),
        ('pip: ["lamp-shade<2"]', ["tool/os=2"]),
        ("pip: [wire]", ["tool/os=2"]),
        ('wheel: ["lamp-shade==2.1 --hash=sha256:%s"]' % ("1" * 64), []),
        ("apt: [tar=1.35]", []),
        ("apt: [tar/main]", []),
        ("apt: [tar=1.36]", ["tool/os=2"]),
        ("npm: [desk@1.2.0]", []),
        ("npm: [desk@1.3.0]", ["tool/os=2"]),
        ("r: [Matrix]", []),
        ("r: [matrix]", ["tool/os=2"]),
        ("url: ['https://example.org/x#sha256=%s']" % ("1" * 64), []),
    ],
)
def test_what_is_there_of_a_recipe_that_an_older_lock_has(
    folder: Folder, names: str, lacks: list[str]
) -> None:
    """A lock of before has one hash for a recipe and what it stands on: the names tell."""
    folder.write("images/tool/recipe.yaml", f"summary: A tool\npackages:\n  {names}\n")
    packages = {
        "pip": {"lamp-shade": wheel("2.1+cpu")},
        "wheel": {"lamp-shade": wheel("2.1")},
        "apt": {"tar": replace(wheel("1.35"), source="main")},
        "npm": {"desk@1.2.0": wheel("1.2.0")},
        "r": {"Matrix": wheel("1.7")},
    }
    old = PackageSet(epoch=1, request="0123456789abcdef", packages=packages)
    lock = Lock(
        bases=LOCK.bases,
        release_lines=LOCK.release_lines,
        package_sets={"tool/os=2": old, "base/os=2": old},
    )
    assert [key for key in found(folder, lock) if key == "tool/os=2"] == lacks
