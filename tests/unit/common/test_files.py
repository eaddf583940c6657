"""A name that others chose never makes a file outside of the folder that it is meant for."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.common.files import place_file, write_tree

OUTSIDE = ["../x", "a/../../x", "/tmp/x", "a\\x", "a\0x", "", "a//x", "x" * 300]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_tree_with_a_name_outside_of_its_folder_changes_nothing(
    name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "work" / "chart"
    write_tree(folder, {"Chart.yaml": b"old"})
    with pytest.raises(StepError) as raised:
        write_tree(folder, {"Chart.yaml": b"new", name: b"ssh-ed25519 AAAA"})
    assert str(raised.value).startswith(f"{folder}: the path ")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [folder / "Chart.yaml"]
    assert (folder / "Chart.yaml").read_bytes() == b"old"


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_file_with_a_name_outside_of_its_folder_is_not_placed(name: str, tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "work" / "downloads"
    source.write_bytes(b"content")
    folder.mkdir(parents=True)
    with pytest.raises(StepError) as raised:
        place_file(source, folder, name, "desk")
    assert str(raised.value).startswith("desk: the path ")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [source]


def test_a_tree_is_not_written_through_a_link(tmp_path: Path) -> None:
    folder, other = tmp_path / "folder", tmp_path / "other"
    other.mkdir()
    folder.mkdir()
    (other / "file").write_bytes(b"mine")
    (folder / "templates").symlink_to(other)
    (folder / "file").symlink_to(other / "file")
    write_tree(folder, {"templates/file": b"new", "file": b"new"})
    assert (other / "file").read_bytes() == b"mine"
    assert not (folder / "templates").is_symlink()
    assert not (folder / "file").is_symlink()
    assert (folder / "templates" / "file").read_bytes() == b"new"


def test_a_file_is_not_placed_through_a_link(tmp_path: Path) -> None:
    source, folder, other = tmp_path / "source", tmp_path / "folder", tmp_path / "other"
    other.mkdir()
    folder.mkdir()
    source.write_bytes(b"content")
    (folder / "apt").symlink_to(other)
    with pytest.raises(StepError) as raised:
        place_file(source, folder, "apt/x.deb", "desk")
    assert str(raised.value) == "desk: the path 'apt/x.deb' leaves its folder by a link"
    assert list(other.iterdir()) == []


def test_a_tree_holds_exactly_its_files(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a": b"1", "b/c": b"2", "b/d/e": b"3"})
    write_tree(tmp_path, {"b/c": b"4"})
    assert sorted(path for path in tmp_path.rglob("*")) == [tmp_path / "b", tmp_path / "b" / "c"]
    assert (tmp_path / "b" / "c").read_bytes() == b"4"
