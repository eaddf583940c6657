"""A catalog that stands on another one is written: whole or not at all, with no copy in it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.app.fork_init import Fork, NewFork, requirement, write_fork
from builder.common.errors import BuilderError, ConfigError
from builder.lock.lockfile import dump
from builder.project import Workspace
from tests.fakes.catalog import LOCK, Folder, prints, with_package_sets

FILES = (
    ".gitattributes", ".github/workflows/pr.yml", ".github/workflows/upstream.yml",
    ".github/workflows/weekly.yml", ".gitignore",
    "Makefile", "README.md", "matrix.lock", "matrix.yaml", "requirements.txt",
)  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    """The catalog that others stand on, all of it locked."""
    folder = Folder(tmp_path / "shop")
    folder.write("matrix.lock", dump(with_package_sets(folder.load(), LOCK)))
    return folder


def fork(shop: Folder, to: str = "mine", **facts: Any) -> NewFork:
    name = facts.pop("name", "mine")
    return write_fork(shop.root.parent / to, Fork(name=name, source=shop.root, **facts))


def names(folder: Path) -> tuple[str, ...]:
    """The files below a folder."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return tuple(sorted(found))


def test_it_has_the_images_of_the_other_one_and_no_copy(shop: Folder) -> None:
    found = fork(shop)
    root = shop.root.parent / "mine"
    assert names(root) == found.paths == FILES
    assert (found.upstream, found.targets, found.alike, found.charts) == ("shop", 8, 8, 1)
    project, below = Workspace(root).load(), Workspace(shop.root).load()
    assert prints(project) == prints(below)
    assert project.lock == below.lock
    assert '"package_sets": {}' in (root / "matrix.lock").read_text()
    assert sorted(path.name for path in shop.root.parent.iterdir()) == ["mine", "shop"]


def test_what_it_says_is_short(shop: Folder) -> None:
    fork(shop, name="office", registry="ghcr.io/office", ca="/etc/ssl/office ca.crt")
    text = (shop.root.parent / "mine/matrix.yaml").read_text()
    assert text == (
        "# What this catalog says otherwise than the one that it stands on.\n"
        'builder: ">=0.2,<0.3"\n'
        "extends: {path: ../shop, name: shop}\n"
        "catalog:\n"
        "  name: office\n"
        "  registries: [ghcr.io/office]  # the first is the one that charts name\n"
        'network: {ca: "/etc/ssl/office ca.crt"}\n'
    )


def test_a_folder_deep_below(shop: Folder) -> None:
    fork(shop, "a/b/c")
    assert names(shop.root.parent / "a/b/c") == FILES
    assert "path: ../../../shop," in (shop.root.parent / "a/b/c/matrix.yaml").read_text()


def test_a_catalog_without_a_lock_and_a_folder_that_is_empty(shop: Folder) -> None:
    (shop.root.parent / "mine").mkdir()
    (shop.root / "matrix.lock").unlink()
    assert not fork(shop).is_locked


def test_a_folder_that_is_not_empty_is_left_alone(shop: Folder) -> None:
    there = shop.root.parent / "mine"
    there.mkdir()
    (there / ".git").write_text("theirs")
    with pytest.raises(ConfigError) as caught:
        fork(shop)
    assert str(caught.value) == (
        f"{there} is not empty: nothing was written\n"
        "  hint: name a folder that is empty, or not yet there: `builder fork init --from … DIR`"
    )
    assert names(there) == (".git",)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"name": "shop"},
            " is called 'shop', too\n  hint: choose another name, e.g. --name my-catalog",
        ),
        ({"name": "My Shop"}, "matrix.yaml:5:9: "),
        ({"registry": 'x"]: {'}, "not a registry: "),
        ({"registry": "ghcr.io/My Org"}, "not an image reference"),
    ],
)
def test_nothing_is_left_of_one_that_cannot_be(
    shop: Folder, facts: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(BuilderError) as caught:
        fork(shop, "a/b", **facts)
    assert said in str(caught.value)
    assert [path.name for path in shop.root.parent.iterdir()] == ["shop"]


def test_the_mistakes_of_the_other_one_are_told(shop: Folder) -> None:
    shop.edit("matrix.yaml", "image: desk", "image: dsk")
    with pytest.raises(ConfigError) as caught:
        fork(shop)
    assert "did you mean desk?" in str(caught.value)
    assert not (shop.root.parent / "mine").exists()


HASH = "a" * 64


@pytest.mark.parametrize(
    ("direct_url", "line"),
    [
        (None, "catalog-builder==0.2.0"),
        (
            {"url": "https://git.example/b.git", "vcs_info": {"vcs": "git", "commit_id": "c" * 40}},
            f"catalog-builder @ git+https://git.example/b.git@{'c' * 40}",
        ),
        (
            {
                "url": "https://files.example/catalog_builder-0.2.0-py3-none-any.whl",
                "archive_info": {"hashes": {"sha256": HASH}},
            },
            "catalog-builder @ https://files.example/catalog_builder-0.2.0-py3-none-any.whl"
            f"#sha256={HASH}",
        ),
        ({"url": "file:///tmp/b.whl", "archive_info": {"hashes": {"sha256": HASH}}}, ""),
        ({"url": "file:///src", "dir_info": {"editable": True}}, ""),
    ],
)
def test_the_builder_is_pinned_where_it_came_from(
    direct_url: Mapping[str, Any] | None, line: str
) -> None:
    lines = [text for text in requirement(direct_url).splitlines() if not text.startswith("#")]
    assert lines == ([line] if line else [])


def test_its_workflows_can_set_up_a_builder(shop: Folder) -> None:
    fork(shop)
    root = shop.root.parent / "mine"
    assert "--requirement requirements.txt" in (root / ".github/workflows/weekly.yml").read_text()

    def check() -> subprocess.CompletedProcess[str]:
        text = (root / "Makefile").read_text().partition("\tpython3")[0]
        (root / "Makefile").write_text(text)  # its first line alone: the others install
        return subprocess.run(
            ("make", "--silent", "setup"), cwd=root, capture_output=True, text=True, check=False
        )

    assert check().returncode == 2
    assert check().stderr.startswith("say in requirements.txt where pip gets the builder\n")
    (root / "requirements.txt").write_text(requirement(None))
    assert (check().returncode, check().stderr) == (0, "")
