"""Files: read as they are, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder.build.build_context import write_context
from builder.catalog.models import File, When
from builder.common.errors import ConfigError, StepError
from builder.common.files import place_file, write, write_tree
from builder.lock.lockfile import dump
from builder.project import Workspace
from tests.fakes.catalog import LOCK, Folder, prints


def names(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_write_says_whether_it_changed_anything(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    assert write(path, b"one")
    assert not write(path, b"one")
    assert write(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(tmp_path) == ["a/b"]


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    write(path, b"old")

    def full(_source: object, _target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_tree_holds_exactly_what_it_is_given(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a": b"1", "sub/b": b"2"})
    write_tree(tmp_path, {"sub/b": b"3", "c": b"4"})
    assert names(tmp_path) == ["c", "sub/b"]
    assert (tmp_path / "sub/b").read_bytes() == b"3"


def test_a_context_has_the_recipes_files_with_their_modes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("x")
    files = (
        File(path="files/run", mode=0o755, sha256="", source=str(source)),
        File(path="files/conf", mode=0o644, sha256="", source=str(source)),
    )
    write_context(tmp_path / "out", "FROM x\n", files, {"apt/packages.txt": b"tar=1\n"})
    assert names(tmp_path / "out") == [
        "Dockerfile", "downloads/apt/packages.txt", "files/conf", "files/run",
    ]  # fmt: skip
    modes = [(tmp_path / "out/files" / name).stat().st_mode & 0o777 for name in ("run", "conf")]
    assert modes == [0o755, 0o644]


@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077])
def test_a_context_is_the_same_under_any_umask(tmp_path: Path, umask: int) -> None:
    source = tmp_path / "source"
    source.write_text("x")
    file = File(path="files/tree/deep/run", mode=0o755, sha256="", source=str(source))
    before = os.umask(umask)
    try:
        write_context(tmp_path / "out", "FROM x\n", (file,), {"apt/packages.txt": b"tar=1\n"})
        place_file(source, tmp_path / "out", "downloads/pip/wheels/a.whl", "a wheel")
    finally:
        os.umask(before)
    found = [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    assert {path.stat().st_mode & 0o7777 for path in found if path.is_dir()} == {0o755}
    modes = {path.name: path.stat().st_mode & 0o7777 for path in found if path.is_file()}
    assert modes.pop("run") == 0o755
    assert set(modes.values()) == {0o644}


def test_a_context_below_a_folder_that_hands_its_group_on(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)
    write_context(tmp_path / "out", "FROM x\n", (), {"apt/packages.txt": b"tar=1\n"})
    assert (tmp_path / "out/downloads/apt").stat().st_mode & 0o7777 == 0o755


def test_a_context_keeps_no_folder_of_an_older_one(tmp_path: Path) -> None:
    write_context(tmp_path, "FROM x\n", (), {"apt/old/a.txt": b"1"})
    (tmp_path / "files" / "__pycache__").mkdir(parents=True)
    (tmp_path / "files" / "__pycache__" / "a.pyc").touch()
    (tmp_path / "link").symlink_to("gone")
    write_context(tmp_path, "FROM x\n", (), {"apt/b.txt": b"1"})
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert found == ["Dockerfile", "downloads", "downloads/apt", "downloads/apt/b.txt"]


def test_a_disk_that_keeps_no_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.write_text("x")
    monkeypatch.setattr(os, "chmod", lambda *_: None)  # as one of Windows' does
    with pytest.raises(StepError) as caught:
        write_context(
            tmp_path / "c", "", (File(path="a", mode=0o755, sha256="", source=str(source)),), {}
        )
    assert str(caught.value) == (
        f"the disk of {tmp_path / 'c'} does not store file modes, which the image needs\n"
        "  hint: move the folder `build` of the catalog to another disk"
    )


def test_the_longest_name_is_written(tmp_path: Path) -> None:
    assert write(tmp_path / ("a" * 255), b"x")


def test_a_mode_alone_is_a_change_of_a_context(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("x")
    for mode in (0o644, 0o755):
        file = File(path="files/run", mode=mode, sha256="", source=str(source))
        write_context(tmp_path / "out", "FROM x\n", (file,), {})
        assert (tmp_path / "out/files/run").stat().st_mode & 0o777 == mode


def test_the_lock_is_written_where_it_changed(folder: Folder) -> None:
    workspace = Workspace(folder.root)
    assert not workspace.write_lock(LOCK)
    (folder.root / "matrix.lock").unlink()
    assert workspace.write_lock(LOCK)
    assert (folder.root / "matrix.lock").read_text() == dump(LOCK)


def test_a_recipe_is_its_folder(folder: Folder) -> None:
    recipe = folder.load().catalog.recipes["desk"]
    assert recipe.summary == "A desk"
    assert recipe.packages == {"apt": ("desk",)}
    assert recipe.when == (When(condition="os=1", packages={"apt": ("legs",)}),)
    assert [(file.path, file.mode) for file in recipe.files] == [("files/desk.conf", 0o644)]
    assert recipe.tests == ""
    assert folder.load().catalog.recipes["speech"].tests == str(folder.root / "images/speech/tests")


def test_what_is_not_text(folder: Folder) -> None:
    (folder.root / "matrix.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigError) as caught:
        Workspace(folder.root).load()
    assert str(caught.value) == (
        "matrix.yaml:1:1: the byte 0xff is not UTF-8\n"
        "  hint: write it as UTF-8, e.g. `iconv -f latin1 -t utf-8 matrix.yaml`"
    )


PICTURE = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("name", ["charts/desk/icon.png", "charts/features/core/icon.png"])
def test_a_picture_beside_the_files_of_a_chart_is_left_alone(folder: Folder, name: str) -> None:
    before = folder.load()
    (folder.root / name).write_bytes(PICTURE)
    assert folder.load() == before


def test_a_picture_in_the_library_is_packed(folder: Folder) -> None:
    (folder.root / "charts/library/icon.png").write_bytes(PICTURE)
    assert folder.load().catalog.library["icon.png"] == PICTURE


@pytest.mark.parametrize(
    "name",
    [
        "charts/features/core/templates/icon.png",
        "charts/features/core/ci/a-values.yaml",
        "charts/features/core/notes.md",
        "charts/desk/more.yaml",
        "charts/library/templates/_x.tpl",
        "images/_macros/x.j2",
    ],
)
def test_a_file_that_is_read_and_no_text_is_refused_by_name(folder: Folder, name: str) -> None:
    (folder.root / name).parent.mkdir(parents=True, exist_ok=True)
    (folder.root / name).write_bytes(b"a: b\n" + PICTURE)
    with pytest.raises(ConfigError) as caught:
        folder.load()
    assert str(caught.value).startswith(f"{name}:2:1: the byte 0x89 is not UTF-8\n")


def test_a_recipe_may_know_more_than_the_matrix_offers(folder: Folder) -> None:
    path = "images/desk/recipe.yaml"
    folder.edit(path, "os=1: {", "fortran: {packages: {apt: [gfortran]}}\n  os=7: {")
    assert "gfortran" not in str(prints(folder.load())["desk/os=1,lang=1.9"].document)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"def test_it(host):\n    assert host.run('true'\n",
            "images/desk/tests/test_desk.py:2:20: not Python: '(' was never closed\n"
            "        assert host.run('true'\n"
            "                       ^",
        ),
        (b"a\0b\n", "images/desk/tests/test_desk.py: not Python: source code string cannot"),
        (b"x = '\xe9'\n", "not Python: (unicode error)"),
        (b"x = " + b"-" * 100_000 + b"1\n", "images/desk/tests/test_desk.py"),
    ],
    ids=["a bracket", "a null", "latin-1", "deep"],
)
def test_tests_that_are_no_python(folder: Folder, data: bytes, said: str) -> None:
    folder.write("images/desk/tests/test_desk.py", "")
    (folder.root / "images/desk/tests/test_desk.py").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        Workspace(folder.root).load()
    assert said in str(caught.value)


def test_tests_of_a_chart_that_are_no_python(folder: Folder) -> None:
    folder.write("charts/desk/tests/test_desk.py", "def test_it(:\n")
    with pytest.raises(ConfigError) as caught:
        Workspace(folder.root).load()
    assert str(caught.value).startswith("charts/desk/tests/test_desk.py:1:13: not Python: ")


def test_tests_are_read_and_not_run(folder: Folder) -> None:
    folder.write("images/desk/tests/test_desk.py", "raise SystemExit('it was run')\n")
    assert Workspace(folder.root).load().catalog.recipes["desk"].has_tests


def test_what_is_no_test(folder: Folder) -> None:
    folder.write("images/tool/tests/broken.Dockerfile", "FROM parent\n")
    folder.write("images/tool/tests/helper.py", "x = 1\n")
    assert not Workspace(folder.root).load().catalog.recipes["tool"].has_tests
