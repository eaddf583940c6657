"""Whatever a catalog below becomes, who stands on it is told a place of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.app.stacks import read_stack
from builder.common.errors import BuilderError, flat
from builder.project import Workspace
from tests.fakes.catalog import Folder

MINE = """\
extends: {path: ../shop}
catalog: {name: mine}
axes: {lang: {"1.9": {eol: 2029-01-31}}}
images:
  extra: {from: desk, only: {lang: ["1.9"]}}
  tool: {publish: true}
charts:
  desk: {values: {size: 2Gi}}
patches:
  titles: {charts: feature=core, why: w, values: {size: {title: Disk}}}
"""
FILES = {
    "images/extra/recipe.yaml": "summary: More\n",
    "images/extra/Dockerfile.j2": "FROM {{ parent }}\n",
    "images/desk/recipe.yaml": "packages:\n  apt+: [lamp]\n",
    "images/desk/files/desk.conf": "wood = ash\n",
}
FEATURE, POD = "charts/features/core/feature.yaml", "charts/features/core/templates/pod.yaml"
MATRIX = "matrix.yaml"
EDITS: dict[str, Callable[[Folder], None]] = {
    "nothing": lambda shop: None,
    "a value of an axis goes": lambda shop: shop.drop(MATRIX, '"1.9":'),
    "an axis goes": lambda shop: shop.edit(MATRIX, "  lang:\n", "  word:\n"),
    "an image goes": lambda shop: shop.drop(MATRIX, "tool: {from"),
    "an image is renamed": lambda shop: shop.edit(MATRIX, "  desk: {from", "  shelf: {from"),
    "a chart goes": lambda shop: shop.drop(MATRIX, "desk: {image"),
    "a value of a chart is renamed": lambda shop: shop.edit(FEATURE, "  size: {", "  disk: {"),
    "a template reads what is not there": lambda shop: shop.edit(POD, ".size", ".sizes"),
    "a feature says too much": lambda shop: shop.edit(FEATURE, "summary:", "sumary:"),
    "a package list is one word": lambda shop: shop.edit(
        "images/desk/recipe.yaml", "apt: [desk]", "apt: desk"
    ),
    "a recipe is no YAML": lambda shop: shop.write("images/desk/recipe.yaml", "summary: [\n"),
    "the matrix is no YAML": lambda shop: shop.write(MATRIX, "images: [\n"),
    "the matrix is empty": lambda shop: shop.write(MATRIX, ""),
    "it is for another builder": lambda shop: shop.edit(
        MATRIX, "catalog:\n", 'builder: ">=99"\ncatalog:\n'
    ),
    "a macro is wrong": lambda shop: shop.edit(
        "images/_macros/install.j2", "packages.apt", "package.apt"
    ),
    "a Dockerfile goes": lambda shop: (shop.root / "images/speech/Dockerfile.j2").unlink(),
    "the lock is broken": lambda shop: shop.write("matrix.lock", "{"),
}
LOADS = {"nothing", "a value of an axis goes", "an axis goes"}  # what is said of it here is enough
OWN = re.compile(r"(?<![:\w/])(matrix\.yaml|images/(extra|desk)/[\w./]+)(:\d+:\d+)?|patch 'titles'")


@pytest.mark.parametrize("edit", EDITS)
def test_an_error_has_a_place_of_ours_or_names_a_patch_of_ours(tmp_path: Path, edit: str) -> None:
    shop = Folder(tmp_path / "shop")
    shop.edit(FEATURE, "values:\n", "values:\n  size: {type: string, default: 1Gi, title: Size}\n")
    shop.edit(POD, "image: {{", "size: {{ .Values.size | quote }}, image: {{")
    EDITS[edit](shop)
    own = Folder(tmp_path / "mine", {MATRIX: MINE, **FILES})
    try:
        errors = read_stack(Workspace(own.root)).errors
    except BuilderError as error:
        errors = tuple(flat([error]))
    assert bool(errors) is (edit not in LOADS)
    assert [str(error) for error in errors if not OWN.search(str(error))] == []
