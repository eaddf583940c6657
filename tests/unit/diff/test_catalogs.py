"""What a catalog says otherwise than before, from what was read, not from text."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.diff.catalogs import CatalogChange, catalog_changes
from tests.fakes.catalog import Folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Folder, Folder]:
    """A catalog twice: as it was, and as it becomes."""
    return Folder(tmp_path / "old"), Folder(tmp_path / "new")


def changes(folders: tuple[Folder, Folder]) -> list[CatalogChange]:
    old, new = (folder.load() for folder in folders)
    return list(catalog_changes(old, new))


def test_text_alone_is_no_change(folders: tuple[Folder, Folder]) -> None:
    folders[1].edit("matrix.yaml", "\nimages:\n", "\n# All of them.\nimages:\n")
    folders[1].write("images/tool/recipe.yaml", 'summary: "A tool"\n')
    assert changes(folders) == []


def test_a_macro_and_a_file_are_told_first_with_what_they_reach(
    folders: tuple[Folder, Folder],
) -> None:
    new = folders[1]
    new.edit("images/_macros/install.j2", "RUN get", "RUN  get")
    new.write("images/desk/files/desk.conf", "wood = ash\n")
    new.write("images/base/tests/test_base.py", "def test_more(host): ...\n")
    new.edit("images/speech/recipe.yaml", "apt: [lang]", "apt: [lang, ear]\n  pip: [words]")
    assert changes(folders) == [
        CatalogChange(kind="macro", name="install.j2", what="changed", targets=8),
        CatalogChange(
            kind="tests", name="images/base/tests", what="changed", targets=8
        ),
        CatalogChange(
            kind="file", name="images/desk/files/desk.conf", what="changed", targets=2
        ),
        CatalogChange(
            kind="recipe", name="speech", what="changed", part="apt packages",
            after="ear", targets=4,
        ),
        CatalogChange(
            kind="recipe", name="speech", what="changed", part="pip packages",
            after="words", targets=4,
        ),
    ]  # fmt: skip


def test_values_of_axes_images_and_charts(folders: tuple[Folder, Folder]) -> None:
    new = folders[1]
    new.edit("matrix.yaml", ", eol: 2028-06-30", ", eol: 2028-12-31")
    new.drop("matrix.yaml", '"1.9":')
    new.edit("matrix.yaml", "axes: [lang]}", "axes: [lang], publish: false}")
    new.drop("matrix.yaml", "desk: {image")
    new.edit("matrix.yaml", "charts:\n", "charts:\n  table: {image: desk, recipe: desk}\n")
    assert changes(folders) == [
        CatalogChange(
            kind="axis value", name="os=1", what="changed", part="eol",
            before="2028-06-30", after="2028-12-31",
        ),
        CatalogChange(kind="axis value", name="lang=1.9", what="removed"),
        CatalogChange(
            kind="image", name="speech", what="changed", part="publish",
            before="true", after="false",
        ),
        CatalogChange(kind="chart", name="desk", what="removed"),
        CatalogChange(kind="chart", name="table", what="added"),
    ]  # fmt: skip


def test_values_and_the_order_of_an_axis(folders: tuple[Folder, Folder]) -> None:
    old, new = folders
    feature = "charts/features/core/feature.yaml"
    old.edit(feature, "values:\n", "values:\n  size: {type: string, default: 1Gi}\n  gone: {}\n")
    new.edit(
        feature, "values:\n",
        "values:\n  disk.size: {type: string, default: 2Gi, formerly: [size]}\n"
        "  fresh: {type: boolean, default: false}\n",
    )  # fmt: skip
    text = (new.root / "matrix.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(index for index, line in enumerate(text) if '"2": {' in line)
    text[at], text[at + 1] = text[at + 1], text[at]
    new.write("matrix.yaml", "".join(text))
    assert changes(folders) == [
        CatalogChange(kind="axis value", name="os", what="order", before="2, 1", after="1, 2"),
        CatalogChange(
            kind="value", name="core: size", what="renamed", before="size", after="disk.size",
            charts=1,
        ),
        CatalogChange(kind="value", name="core: gone", what="removed", charts=1),
        CatalogChange(kind="value", name="core: fresh", what="added", after="false", charts=1),
        CatalogChange(
            kind="value", name="core: disk.size", what="changed", part="default",
            before="1Gi", after="2Gi", charts=1,
        ),
    ]  # fmt: skip
