"""`builder lock` and `builder outdated`, with packages and lines that come from tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.app.adapters import Replaced
from builder.common.errors import GoneError, NoPackageError
from builder.lock.lockfile import parse
from tests.cli.conftest import Run
from tests.fakes.bases import FakeBases, FakeIndexes, FakeLines
from tests.fakes.catalog import Folder
from tests.fakes.layers import FakeLayers
from tests.fakes.locking import LINES, NoCheck

HAS = {"tar": "1.35", "grep": "3.11", "desk": "1", "legs": "4", "lang": "1"}


@pytest.fixture
def indexes() -> FakeIndexes:
    """The indexes of base images; nothing in them is newer."""
    return FakeIndexes()


@pytest.fixture
def apt(tmp_path: Path, replaced: Replaced, indexes: FakeIndexes) -> FakeLayers:
    """What there is of apt; the lock of the folder has it all."""
    found = FakeLayers(tmp_path / "files", HAS)
    replaced["resolvers"] = {"apt": found}
    replaced["bases"] = FakeBases(tmp_path / "bases")
    replaced["providers"] = {"apt": FakeLines(LINES)}
    replaced["package_check"] = NoCheck()
    replaced["indexes"] = indexes
    return found


def text(folder: Folder) -> str:
    return (folder.root / "matrix.lock").read_text()


def test_what_is_locked_fits(run: Run, folder: Folder, apt: FakeLayers) -> None:
    assert run("lock").code == 0
    before = text(folder)
    assert run("lock", "--check") == (0, "", "matrix.lock fits the catalog\n")
    assert text(folder) == before


def test_what_patches_select_is_locked_and_more_is_noted(
    run: Run, folder: Folder, apt: FakeLayers
) -> None:
    patch = "patches:\n  p: {charts: '*', why: w, values: {image.version: {title: Ours}}}\n"
    folder.edit("matrix.yaml", "\ncharts:\n", f"\n{patch}\ncharts:\n")
    assert run("lock").code == 0
    assert parse(text(folder), "matrix.lock").patches["p"].names == ("desk",)
    folder.edit(
        "matrix.yaml",
        "  desk: {image: desk}",
        "  desk: {image: desk, also: [old]}\n  new: {recipe: desk, image: desk}",
    )
    more = (
        "note: matrix.yaml:22:3: patch 'p' selects 1 chart more than when it was locked: new;"
        " `builder lock` accepts that"
    )
    assert more in run("lock", "--check").err
    locked = run("lock")
    assert "lock: patch p selects new, too: accepted\n" in locked.err
    assert parse(text(folder), "matrix.lock").patches["p"].names == ("desk", "new")


def test_a_recipe_asks_for_more_than_is_locked(run: Run, folder: Folder, apt: FakeLayers) -> None:
    run("lock")
    folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, lang]")
    assert run("lock", "--check") == (
        2,
        "",
        "error: matrix.lock does not fit the catalog: desk/os=2,lang=1.10, desk/os=1,lang=1.9\n"
        "  hint: run `builder lock`, and commit what it wrote\n",
    )


def test_names_without_upgrade_say_nothing(run: Run, apt: FakeLayers) -> None:
    assert run("lock", "tar") == (
        2,
        "",
        "error: package names need --upgrade\n  hint: builder lock --upgrade tar\n",
    )


def test_one_package_is_upgraded_and_the_rest_stays(
    run: Run, folder: Folder, apt: FakeLayers
) -> None:
    run("lock")
    before = text(folder).splitlines()
    apt.versions |= {"tar": "2.0", "grep": "4.0"}
    assert run("lock").code == 0
    assert text(folder).splitlines() == before
    assert run("lock", "--upgrade", "tar").code == 0
    new = [line for line in text(folder).splitlines() if line not in before]
    assert {line.split()[0] for line in new} == {'"tar":'}


def test_nothing_is_outdated(run: Run, folder: Folder, apt: FakeLayers) -> None:
    run("lock")
    found = run("outdated")
    assert found.code == 0
    assert found.out == ("matrix.lock → now\nNothing changed.\n\n0 targets would be built anew.\n")


def test_what_a_newer_package_would_change(run: Run, folder: Folder, apt: FakeLayers) -> None:
    run("lock")
    before = text(folder)
    apt.versions["desk"] = "2"
    found = run("outdated", "--select", "os=2")
    assert found.out.splitlines()[-4:] == [
        "TARGET               WHY",
        "desk/os=2,lang=1.10  its own packages",
        "",
        "1 target would be built anew.",
    ]
    assert "apt        desk     1    2" in found.out
    assert text(folder) == before
    assert parse(before).package_sets["desk/os=2,lang=1.10"].packages["apt"]["desk"].version == "1"


def test_what_stands_on_what_changes_is_built_anew_too(
    run: Run, folder: Folder, apt: FakeLayers
) -> None:
    run("lock")
    apt.versions["tar"] = "2"
    found = run("outdated", "--select", "os=2")
    assert found.out.splitlines()[-6:-2] == [
        "base/os=2              its own packages",
        "tool/os=2              its parent base/os=2 or an input",
        "speech/os=2,lang=1.10  its parent base/os=2 or an input",
        "desk/os=2,lang=1.10    its parent speech/os=2,lang=1.10 or an input",
    ]


def test_a_base_that_has_newer_packages(
    run: Run, folder: Folder, apt: FakeLayers, indexes: FakeIndexes
) -> None:
    run("lock")
    indexes.versions["2"] = ("libc6 2.41 → 2.42",)
    found = run("outdated")
    assert "Newer than base os=2@linux/amd64: libc6 2.41 → 2.42\n" in found.out
    assert "base/os=2              base os=2@linux/amd64 has newer packages\n" in found.out
    assert found.out.endswith("\n4 targets would be built anew.\n")


def test_the_indexes_of_each_base_are_fetched_and_none_is_locked_anew(
    run: Run, folder: Folder, apt: FakeLayers, indexes: FakeIndexes
) -> None:
    run("lock")
    assert run("outdated", "--select", "os=2").code == 0
    assert indexes.called("refresh") == ["2"]


def test_a_base_that_moved_on_is_found_out_and_the_rest_is_compared(
    run: Run, folder: Folder, apt: FakeLayers, indexes: FakeIndexes
) -> None:
    run("lock")
    gone = GoneError("it bootstraps to another", hint="run `builder lock --upgrade os=2`")
    indexes.fail("refresh", gone, on="2", times=2)
    apt.versions["desk"] = "2"
    found = run("outdated")
    assert found.code == 0
    assert (
        "base os=2@linux/amd64: moved on (the archive no longer gives what is locked)\n"
        "  hint: run `builder lock --upgrade os=2`\n"
    ) in found.out
    assert "base/os=2              base os=2@linux/amd64 has moved on\n" in found.out
    assert "desk/os=1,lang=1.9     its own packages\n" in found.out
    assert indexes.called("newer") == ["1"]
    data = json.loads(run("outdated", "--format", "json").out)
    assert data["moved_on"] == {"os=2@linux/amd64": "run `builder lock --upgrade os=2`"}


def test_what_has_ended_is_told(run: Run, folder: Folder, apt: FakeLayers) -> None:
    run("lock")
    found = run("outdated", "--today", "2027-02-01", "--select", "speech")
    assert found.out.splitlines()[-4:] == [
        "TARGET                ENDED",
        "speech/os=1,lang=1.9  2027-01-31",
        "",
        "0 targets would be built anew.",
    ]


# A recipe that the lock does not fit.

TREE = (
    "error: images/desk/recipe.yaml:3:15: recipe desk names tree, which is not in matrix.lock:"
    " desk/os=2,lang=1.10 and 1 other\n"
    "      apt: [desk, tree]\n"
    "                  ^\n"
    "  hint: run `builder lock`\n"
)
PLANNING = (
    ("plan",), ("plan", "--offline"), ("render", "--out", "out"), ("explain", "desk/os=1,lang=1.9"),
    ("build",), ("charts",), ("publish",), ("test",), ("verify",), ("step", "build:base/os=1"),
)  # fmt: skip


@pytest.fixture
def edited(run: Run, folder: Folder, apt: FakeLayers) -> Folder:
    """A catalog of which a recipe names a package more than when it was locked."""
    assert run("lock").code == 0
    folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, tree]")
    return folder


@pytest.mark.parametrize("command", PLANNING, ids=" ".join)
def test_every_command_that_plans_refuses_it_at_once(
    run: Run, edited: Folder, command: tuple[str, ...]
) -> None:
    assert run(*command) == (2, "", TREE)


def test_what_is_not_selected_is_not_looked_at(run: Run, edited: Folder) -> None:
    found = run("plan", "--offline", "--select", "speech")
    assert (found.code, found.err) == (0, "")


def test_it_may_be_blocked_instead(run: Run, edited: Folder) -> None:
    found = run("plan", "--offline", "--block-unlocked", "--format", "json")
    assert found.code == 0
    blocked = [it for it in json.loads(found.out)["targets"] if it["action"] == "block"]
    assert {(it["id"], it["reason"]) for it in blocked} == {
        (key, "recipe desk names tree, which is not in matrix.lock: run `builder lock`")
        for key in ("desk/os=2,lang=1.10", "desk/os=1,lang=1.9")
    }


def test_a_new_lock_mends_it(run: Run, edited: Folder, apt: FakeLayers) -> None:
    apt.versions["tree"] = "2.1"
    assert run("lock").code == 0
    assert run("plan", "--offline").code == 0


def test_a_typo_leaves_all_else_locked(run: Run, edited: Folder, apt: FakeLayers) -> None:
    error = NoPackageError("there is no package tree", package="tree", hint="did you mean three?")
    apt.fail("resolve", error, on="desk", times=2)
    apt.versions["grep"] = "4.0"
    found = run("lock", "--upgrade")
    assert found.code == 2
    assert found.err.splitlines()[-5:] == [
        "matrix.lock written",
        "error: images/desk/recipe.yaml:3:15: there is no package tree",
        "      apt: [desk, tree]",
        "                  ^",
        "  hint: did you mean three?",
    ]
    layers = parse(text(edited)).package_sets
    assert layers["base/os=2"].packages["apt"]["grep"].version == "4.0"
    assert run("plan", "--offline") == (2, "", TREE)


# What cannot be looked up.


def test_a_provider_that_is_not_reached_is_an_exit_code(
    run: Run, folder: Folder, apt: FakeLayers
) -> None:
    assert run("lock").code == 0
    before = text(folder)
    apt.versions["legs"] = "unreachable"
    found = run("lock", "--upgrade")
    assert found.code == 5
    assert found.err.splitlines()[-2:] == [
        "error: desk/os=1,lang=1.9: stays as locked: example.org cannot be reached",
        "  hint: with --reachable it does not count",
    ]
    assert text(folder) == before
    assert run("lock", "--upgrade", "--reachable").code == 0


def test_the_first_line_says_what_is_looked_at(run: Run, apt: FakeLayers) -> None:
    assert run("lock").err.splitlines()[0] == (
        "lock: 8 targets: looking at bases, release lines and packages"
    )


# A recipe without tests.


def test_an_image_that_no_test_is_there_for(run: Run, folder: Folder) -> None:
    (folder.root / "images/base/tests/test_base.py").unlink()
    for command in (("plan", "--offline"), ("build",), ("publish",)):
        assert run(*command) == (
            2,
            "",
            "error: images/base: image base has no tests: neither recipe base nor an ancestor's"
            " recipe has any\n"
            "  hint: add images/base/tests/test_base.py\n"
            "images/tool: image tool has no tests: neither recipe tool nor an ancestor's"
            " recipe has any\n"
            "  hint: add images/tool/tests/test_tool.py\n",
        )
    assert run("plan", "--offline", "--select", "desk").code == 0


@pytest.mark.parametrize("command", ["lock", "outdated"])
def test_what_is_wrong_with_recipes_and_charts_is_said_before_anything_is_locked(
    run: Run, folder: Folder, command: str
) -> None:
    """All at once: looking for bases and packages takes minutes, this a moment."""
    folder.edit("images/tool/Dockerfile.j2", "parent", "parnet")
    folder.edit("charts/desk/chart.yaml", "features: [core]", "features: [core, cor]")
    found = run(command)
    assert found.code == 2
    assert "matrix.lock" not in found.err
    assert found.err[found.err.index("error:") :] == (
        "error: images/tool/Dockerfile.j2:1: template: 'parnet' is undefined\n"
        "    FROM {{ parnet }}\n"
        "  hint: did you mean parent?\n"
        "charts/desk/chart.yaml:5:18: unknown feature 'cor'\n"
        "    features: [core, cor]\n"
        "                     ^\n"
        "  hint: did you mean core or discovery?\n"
    )


def test_an_entry_that_is_inherited_without_it_is_named(
    run: Run, folder: Folder, apt: FakeLayers
) -> None:
    assert run("lock").code == 0
    root = folder.root / "mine"
    root.mkdir()
    (root / "matrix.yaml").write_text("extends: {path: .., name: shop}\ncatalog: {name: mine}\n")
    (root / "matrix.lock").write_text((folder.root / "matrix.lock").read_text())
    found = run("lock", "--check", "--root", str(root))
    assert found.code == 2
    assert found.err == (
        "error: matrix.lock has entries of its own that the catalog below has: os=1@linux/amd64,"
        " os=2@linux/amd64, lang=1.10, lang=1.9, base/os=1 and 5 more\n"
        "  hint: `builder lock` takes them out; `lock: own` of an image keeps its own\n"
    )
    assert run("lock", "--root", str(root)).code == 0
    assert '"base/os=1"' not in (root / "matrix.lock").read_text()
    assert run("lock", "--check", "--root", str(root)).code == 0
