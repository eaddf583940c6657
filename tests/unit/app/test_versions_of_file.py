"""A file below, as it is, as it was accepted, and as it is replaced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.versions_of_file import three_way, versions_of
from builder.common.errors import SelectionError
from builder.common.hashing import digest_of
from builder.lock.lockfile import Lock, dump
from builder.overlay.extends import Finding
from builder.project import Workspace
from tests.fakes.catalog import FILES, Folder

PATH = "images/desk/files/desk.conf"
WAS, NOW, OURS = "wood = oak\n", "wood = oak\nlegs = 4\n", "wood = ash\n"


@pytest.fixture
def own(tmp_path: Path) -> Folder:
    """A catalog that replaces a file, whose catalog below has changed it since."""
    Folder(tmp_path / "shop").write(PATH, NOW)
    matrix = "extends: {path: ../shop}\ncatalog: {name: mine}\n"
    lock = replace(Lock(), replaces={PATH: digest_of(WAS.encode())})
    return Folder(tmp_path / "mine", {"matrix.yaml": matrix, "matrix.lock": dump(lock), PATH: OURS})


def shown(own: Folder, path: str = PATH) -> str:
    return three_way(versions_of(Workspace(own.root).files, path, own.root / "kept"))


def test_what_changed_below_and_what_is_ours(own: Folder) -> None:
    own.write(f"kept/0123/{PATH}", WAS)
    assert (
        shown(own)
        == f"""\
--- shop:{PATH} (accepted)
+++ shop:{PATH} (now)
@@ -1 +1,2 @@
 wood = oak
+legs = 4

--- shop:{PATH} (now)
+++ {PATH} (ours)
@@ -1,2 +1 @@
-wood = oak
-legs = 4
+wood = ash
"""
    )


def test_what_was_accepted_may_be_kept_nowhere(own: Folder) -> None:
    assert shown(own).startswith(
        f"The accepted content of shop:{PATH} is not kept here: it is not compared.\n\n--- shop:"
    )


def test_a_file_that_is_as_it_was_accepted(own: Folder) -> None:
    Folder(own.root.parent / "shop", {PATH: WAS})
    assert shown(own).startswith(f"shop:{PATH} is as it was accepted.\n\n--- shop:")


def test_a_file_that_no_catalog_below_has(own: Folder) -> None:
    with pytest.raises(SelectionError) as caught:
        shown(own, "images/desk/files/desk.cnf")
    assert str(caught.value) == (
        "no catalog below has a file images/desk/files/desk.cnf\n"
        f"  hint: did you mean {PATH} or images/desk/Dockerfile.j2 or images/desk/recipe.yaml?"
    )


def test_a_file_at_another_content_is_held_against_the_pinned_one(own: Folder) -> None:
    new = Folder(own.root.parent / "new", {**FILES, PATH: "wood = pine\n"})
    files = Workspace(own.root, finding=Finding(given={"shop": new.root})).files
    found = versions_of(files, PATH, own.root / "kept", Workspace(own.root).files)
    assert (
        three_way(found)
        == f"""\
--- shop:{PATH} (pinned)
+++ shop:{PATH} (now)
@@ -1,2 +1 @@
-wood = oak
-legs = 4
+wood = pine

--- shop:{PATH} (now)
+++ {PATH} (ours)
@@ -1 +1 @@
-wood = pine
+wood = ash
"""
    )


def test_a_file_that_is_gone_at_another_content(own: Folder) -> None:
    new = Folder(own.root.parent / "new", {"matrix.yaml": FILES["matrix.yaml"]})
    files = Workspace(own.root, finding=Finding(given={"shop": new.root})).files
    found = versions_of(files, PATH, own.root / "kept", Workspace(own.root).files)
    assert found.now is None
    assert three_way(found).startswith(f"--- shop:{PATH} (pinned)\n+++ shop:{PATH} (now)\n")
