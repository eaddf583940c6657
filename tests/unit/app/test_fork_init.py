"""A catalog that stands on another one is written: whole or not at all, with no copy in it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.app.fork_init import Fork, NewFork, requirement, write_fork
from builder.app.source_address import extends_of
from builder.common.errors import BuilderError, ConfigError
from builder.lock.lockfile import dump, parse
from builder.project import Workspace
from tests.fakes.catalog import LOCK, Folder, prints, with_package_sets
from tests.fakes.git_upstream import Repository

pytestmark = pytest.mark.slow

FILES = (
    ".gitattributes", ".github/workflows/bump.yml", ".github/workflows/pr.yml",
    ".github/workflows/upstream.yml", ".github/workflows/weekly.yml", ".gitignore",
    "README.md", "matrix.lock", "matrix.yaml", "requirements.txt",
)  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    """The catalog that others stand on, all of it locked."""
    folder = Folder(tmp_path / "shop")
    folder.write("matrix.lock", dump(with_package_sets(folder.load(), LOCK)))
    return folder


def fork(shop: Folder, to: str = "mine", **facts: Any) -> NewFork:
    name = facts.pop("name", "mine")
    return write_fork(
        shop.root.parent / to, Fork(**{"name": name, "source": str(shop.root), **facts})
    )


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
    assert project.lock is not None
    assert list(project.lock.upstreams) == ["shop"]
    assert replace(project.lock, upstreams={}) == below.lock
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


def test_its_workflows_install_the_builder_that_it_names(shop: Folder) -> None:
    fork(shop)
    root = shop.root.parent / "mine"
    for path in (root / ".github/workflows").iterdir():
        assert "pip install --quiet" in path.read_text(), path.name
        assert "--requirement requirements.txt" in path.read_text(), path.name


def test_it_offers_a_part(shop: Folder) -> None:
    found = fork(shop, offer=("desk", "d*,not x"))
    text = (shop.root.parent / "mine/matrix.yaml").read_text()
    assert 'offer: {charts: [desk, "d*,not x"]}\n' in text
    assert (found.targets, found.alike, found.charts) == (8, 8, 1)


def test_one_that_is_called_alike_is_upstream(shop: Folder) -> None:
    fork(shop, name="shop")
    text = (shop.root.parent / "mine/matrix.yaml").read_text()
    assert "extends: {path: ../shop, name: upstream}\n" in text


@pytest.mark.slow
def test_a_catalog_of_git_is_pinned_and_kept(shop: Folder, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "shop.git")
    files = (path for path in shop.root.rglob("*") if path.is_file())
    commit = repository.commit(
        {path.relative_to(shop.root).as_posix(): path.read_text() for path in files}
    )
    found = fork(shop, source=f"{repository.url}@main", follow="commits")
    root = tmp_path / "mine"
    assert (found.upstream, found.targets, found.alike) == ("shop", 8, 8)
    assert parse((root / "matrix.lock").read_text()).upstreams["shop"].commit == commit
    shutil.rmtree(repository.root)
    assert len(Workspace(root).load().expansion.targets) == 8  # nothing is fetched again


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("https://git.example/a/catalog.git", {"git": "https://git.example/a/catalog.git"}),
        (
            "https://me@git.example/catalog.git@v1.2",
            {"git": "https://me@git.example/catalog.git", "ref": "v1.2"},
        ),
        ("git@git.example:a/b.git", {"git": "git@git.example:a/b.git"}),
        (
            "git@git.example:a/b.git@feature/x",
            {"git": "git@git.example:a/b.git", "ref": "feature/x"},
        ),
        ("file:///srv/c.git@main", {"git": "file:///srv/c.git", "ref": "main"}),
        ("oci://r.example:5000/a/source", {"oci": "r.example:5000/a/source"}),
        ("oci://r.example/s@2026.11.23", {"oci": "r.example/s", "ref": "2026.11.23"}),
    ],
)
def test_where_a_catalog_is(source: str, said: Mapping[str, str], tmp_path: Path) -> None:
    assert extends_of(source, tmp_path) == said


@pytest.mark.parametrize("source", ["nowhere", "ftp://git.example/c.git", "https://a b", "", "@x"])
def test_where_no_catalog_is(source: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        extends_of(source or "x y", tmp_path)
    assert str(caught.value) == (
        f"there is no folder {source or 'x y'}, and it is no address of git or of a registry\n"
        "  hint: --from FOLDER, --from https://git.example/catalog.git@REF or --from"
        " oci://registry.example/catalog@REF"
    )
