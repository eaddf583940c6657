"""What holds for any catalog that stands on another one, whatever it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.app.flattened import flattened
from builder.catalog.merge import Layer, merge
from builder.catalog.models import Matrix
from builder.catalog.yaml_document import load as load_yaml
from builder.charts.next_version import files_of
from builder.lock.lockfile import dump
from builder.project import Project, Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.catalog import FILES, LOCK, Folder, prints

pytestmark = pytest.mark.slow

TWO_LINES = "extends: {path: ../shop}\ncatalog: {name: mine}\n"
ON_TOP = "extends: {path: ../mine}\ncatalog: {name: top}\n"
RECIPE = "summary: More\npackages:\n  apt: [lang]\n"
DOCKERFILE = "FROM {{ parent }}\n{{ install(packages) }}"
REFERENCE = ("a.org/b:1",)
Files = Mapping[str, str]

# Each says something of another kind, and all of them hold together.
SAYS: dict[str, tuple[str, Files]] = {
    "nothing": ("", {}),
    "the order of an axis": ('axes: {os: {$order: ["1"]}}\n', {}),
    "a line less": (
        'axes: {lang: {"1.9": null}}\nimages: {base: {exclude: [{os: "1"}]}}\n', {},
    ),
    "an image more": (
        "images: {extra: {from: desk, only: {lang: [first]}}}\n",
        {"images/extra/recipe.yaml": RECIPE, "images/extra/Dockerfile.j2": DOCKERFILE},
    ),
    "a package and a file more": (
        "",
        {"images/desk/recipe.yaml": "packages:\n  apt+: [lamp]\nwhen:\n  os=1: null\n",
         "images/desk/files/lamp.conf": "on\n"},
    ),
    "a patch": (
        "patches:\n  p: {charts: '*', why: w, values: {image.version: {title: Ours}}}\n", {},
    ),
    "a feature with a template": (
        "patches: {p: {charts: '*', why: w, features+: [own]}}\n",
        {"charts/features/own/feature.yaml": "summary: Ours\nvalues:\n  own: {type: string,"
         " default: x, text: Ours}\n",
         "charts/features/own/templates/own.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
         "  name: {{ .Values.own | quote }}\n"},
    ),
    "a chart more and one less": (
        "charts:\n  desk: null\n  more:\n"
        "    {recipe: desk, image: desk, values: {image.version: a.org/b:1}}\n",
        {},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the lowest catalog, which no test changes."""
    return Folder(
        tmp_path_factory.mktemp("overlays") / "shop", {**FILES, "matrix.lock": dump(LOCK)}
    ).root


def beside(shop: Path, tmp_path: Path, name: str, matrix: str, files: Files) -> Workspace:
    """A catalog in a folder of its own, from which the lowest one is seen as `../shop`."""
    link = tmp_path / "shop"
    if not link.exists():
        link.symlink_to(shop)
    return Workspace(Folder(tmp_path / name, {"matrix.yaml": matrix, **files}).root)


def read(workspace: Workspace) -> Project:
    return workspace.load(ecosystems=ECOSYSTEMS)


def alone(workspace: Workspace, root: Path) -> Workspace:
    """The same catalog without another below it."""
    folder = Folder(root, {})
    for file in flattened(read(workspace), workspace.files):
        folder.write(file.path, file.data.decode())
        folder.allow(file.path, file.mode)
    return Workspace(root)


def shown(project: Project, chart: str) -> dict[str, bytes]:
    """The files of a chart, with the name of the lowest catalog in the place of its own."""
    files = files_of(project.catalog, chart, REFERENCE, "1.0.0")
    name = project.catalog.matrix.name.encode()
    return {path: data.replace(name, b"shop") for path, data in files.items()}


def offered(project: Project) -> list[tuple[str, Any]]:
    """All that a catalog makes, in its order: fingerprints of images, and the files of charts."""
    return [
        *((key, found.digest) for key, found in prints(project).items()),
        *((name, shown(project, name)) for name in project.expansion.charts),
    ]


def test_two_lines_change_the_name_and_the_registry_alone(shop: Path, tmp_path: Path) -> None:
    registry = TWO_LINES.replace("mine}", "mine, registries: [r.example]}")
    below, project = read(Workspace(shop)), read(beside(shop, tmp_path, "mine", registry, {}))
    assert project.expansion == below.expansion
    assert offered(project) == offered(below)
    matrix = project.catalog.matrix
    assert (matrix.name, matrix.repository_of("desk")) == ("mine", "r.example/shop-desk")


@pytest.mark.slow
@pytest.mark.parametrize("what", SAYS)
def test_the_same_catalog_alone_makes_the_same(shop: Path, tmp_path: Path, what: str) -> None:
    matrix, files = SAYS[what]
    workspace = beside(shop, tmp_path, "mine", TWO_LINES + matrix, files)
    found = offered(read(workspace))
    assert offered(read(alone(workspace, tmp_path / "alone"))) == found
    assert (found == offered(read(Workspace(shop)))) is (what == "nothing")


PATCHES = {
    "a": "{charts: desk, why: w, values: {image.version: {title: Ours}}}",
    "b": "{charts: '*', why: w, values: {image.version: {\"onyxia+\": {hidden: true}}}}",
    "c": "{recipes: desk, why: w, packages+: {apt: [lamp]}}",
    "d": "{recipes: desk, why: w, env: {LAMP: 'on'}}",
    "e": "{images: desk, why: w, only: {lang: [first]}}",
}
"""Patches of which no two change the same attribute of one object."""


@settings(max_examples=12, deadline=None)
@given(order=st.permutations(sorted(PATCHES)))
def test_the_order_of_patches_that_change_different_attributes_does_not_matter(
    shop: Path, tmp_path_factory: pytest.TempPathFactory, order: list[str]
) -> None:
    def made(names: list[str]) -> list[tuple[str, Any]]:
        text = "patches:\n" + "".join(f"  {name}: {PATCHES[name]}\n" for name in names)
        folder = tmp_path_factory.mktemp("order")
        return offered(read(beside(shop, folder, "mine", TWO_LINES + text, {})))

    assert made(order) == made(sorted(PATCHES))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("an image more", "a line less"),
        ("a package and a file more", "a feature with a template"),
        ("a patch", "a patch"),
        ("a chart more and one less", "the order of an axis"),
    ],
)
def test_it_does_not_matter_when_two_of_three_became_one(
    shop: Path, tmp_path: Path, lower: str, upper: str
) -> None:
    mine = beside(shop, tmp_path, "mine", TWO_LINES + SAYS[lower][0], SAYS[lower][1])
    above = SAYS[upper][0].replace("Ours", "Theirs").replace(" p:", " q:"), SAYS[upper][1]
    top = beside(shop, tmp_path, "top", ON_TOP + above[0], above[1])
    found = offered(read(top))
    alone(mine, tmp_path / "two")
    on_two = ON_TOP.replace("../mine", "../two") + above[0]
    assert offered(read(beside(shop, tmp_path, "on-two", on_two, above[1]))) == found


NAMES = st.sampled_from(("a", "b", "c"))
SCALARS = st.one_of(st.integers(0, 3), st.sampled_from(("x", "y")))
LISTS = st.lists(SCALARS, max_size=3, unique=True)
OPERATED = st.tuples(NAMES, st.sampled_from(("{}+", "{}-", "+{}"))).map(
    lambda at: at[1].format(at[0])
)
TREES = st.recursive(
    st.one_of(SCALARS, LISTS),
    lambda inner: (
        st.dictionaries(NAMES, st.one_of(inner, st.none()), max_size=3)
        | st.dictionaries(OPERATED, LISTS, max_size=2)
        | st.fixed_dictionaries({"$order": st.lists(NAMES, max_size=2, unique=True), "a": inner})
    ),
    max_leaves=8,
)
MATRICES = st.dictionaries(st.sampled_from(("images", "charts", "axes")), TREES, max_size=3)


def layer(name: str, data: Any) -> Layer:
    return Layer(catalog=name, document=load_yaml(json.dumps(data), f"{name}:matrix.yaml")[0])


@given(MATRICES, MATRICES, MATRICES)
@settings(max_examples=40, deadline=None)
def test_whatever_three_files_say_they_are_laid_from_below(
    low: Any, middle: Any, high: Any
) -> None:
    whole, errors = merge([layer("low", low), layer("mid", middle), layer("top", high)], Matrix)
    two, lower_errors = merge([layer("low", low), layer("mid", middle)], Matrix)
    again, upper_errors = merge([layer("two", two.data), layer("top", high)], Matrix)
    assert again.data == whole.data
    assert list(map(str, again.data)) == list(map(str, whole.data))
    assert len(errors) == len(lower_errors) + len(upper_errors)
