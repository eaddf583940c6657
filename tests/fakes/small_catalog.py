"""A catalog of a few lines, which is never on disk: what patches do to it is found in no time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from builder.catalog.evaluation import CatalogFolders, Evaluated, evaluated
from builder.catalog.models import (
    Catalog,
    ChartFeature,
    ChartFile,
    ChartRecipe,
    FeatureFile,
    Recipe,
    RecipeFile,
)
from builder.catalog.parser import SourceText, parse_matrix
from builder.catalog.schema_check import validate
from builder.catalog.yaml_document import load
from builder.charts.next_version import files_of
from builder.common.errors import raise_all

MATRIX = """\
catalog: {name: shop}
axes:
  os: {"2": {sources: [{bootstrap: two}]}, "1": {sources: [{bootstrap: one}]}}
  lang: {"1.10": {provider: apt}, "1.9": {provider: apt}, "1.8": {provider: apt}}
images:
  base: {from: os, axes: [os]}
  speech: {from: base, axes: [lang]}
  desk: {from: speech}
  tray: {from: base}
charts:
  desk: {image: desk}
  new: {recipe: big, image: desk, only: {lang: [first]}}
  tray: {recipe: big, image: tray}
"""
RECIPES = {
    "base": "summary: Base\npackages: {apt: [tar, grep]}\n",
    "speech": "summary: Speech\npackages: {apt: [lang]}\nbudget: 10 MB\n",
    "desk": (
        "summary: Desk\npackages: {apt: [desk, tar]}\nports: [8000]\ncommand: [desk]\n"
        "when: {os=1: {packages: {apt: [legs]}, budget: 1 MB}}\n"
        "unreproducible: {/var/log: it is a log}\nenv: {LAMP: 'on'}\n"
    ),
    "tray": "summary: Tray\n",
}
CHARTS = {
    name: f"title: T\ndescription: D\ncommand: [desk]\nport: 8000\nfeatures: {features}\n"
    "icon: https://example.org/pictures/desk.svg\nkeywords: [wood]\n"
    for name, features in (("desk", "[core]"), ("big", "[core, more]"))
}
FEATURES = {
    "core": (
        "summary: Core\nvalues:\n  image: {type: object, title: Image, text: What runs}\n"
        "  image.version: {type: string, default: $default_image, listEnum: $images, text: It}\n"
    ),
    "more": (
        "summary: More\nvalues:\n  size: {type: object, title: Size, text: Size}\n"
        "  size.limit: {type: string, default: 1Gi, text: How much, formerly: [most]}\n"
        "  size.is: {type: boolean, default: true, text: Whether}\n"
    ),
    "plain": "summary: Plain\n",
    "broken": "summary: Broken\n",
}
FILES: Mapping[str, Mapping[str, str]] = {
    "core": {"templates/core.yaml": "image: {{ .Values.image.version }}\n"},
    "more": {
        "templates/more.yaml": (
            "{{- if .Values.size.is }}\nlimit: {{ .Values.size.limit | quote }}\n{{- end }}\n"
        )
    },
    "plain": {},
    "broken": {"templates/broken.yaml": "on: {{ .Values.lamp.on }}\n"},
}
NONE: Mapping[str, str] = MappingProxyType({})
LIBRARY = {"Chart.yaml": b"apiVersion: v2\nname: lib\ntype: library\nversion: 0.1.0\n"}


def folders(text: str, *below: str, more: Mapping[str, str] = NONE) -> CatalogFolders:
    """A catalog whose matrix.yaml has this text, over those of others, the lowest first.

    `more` are recipes that it has beside those above.
    """
    texts = [
        SourceText(f"below{number}", f"below{number}:matrix.yaml", item)
        for number, item in enumerate(below, start=1)
    ]
    file, errors = parse_matrix(text, "matrix.yaml", below=tuple(texts))
    raise_all(errors)
    assert file is not None
    return CatalogFolders(
        file=file,
        platforms=file.matrix.platforms,
        recipes={name: _recipe(name, text) for name, text in {**RECIPES, **more}.items()},
        charts={name: _chart(name, text) for name, text in CHARTS.items()},
        upstream_charts={},
        features={name: _feature(name, text) for name, text in FEATURES.items()},
        own="shop",
        declared_in=lambda _folder: "shop",
    )


def with_patches(patches: str, matrix: str = MATRIX, more: Mapping[str, str] = NONE) -> Evaluated:
    """The catalog with patches, which are indented by two."""
    return evaluated(folders(f"{matrix}patches:\n{patches}\n", more=more), [])


def rendered(found: Evaluated, chart: str) -> dict[str, bytes]:
    """The files of a chart of an evaluated catalog."""
    return files_of(catalog_of(found), chart, ["example.org/desk:1"], "1.0.0")


def catalog_of(found: Evaluated) -> Catalog:
    """An evaluated catalog, for what is made of it."""
    return Catalog(
        matrix=found.matrix,
        recipes=found.recipes,
        macros={},
        charts={name: _chart(name, text) for name, text in CHARTS.items()},
        upstream_charts={},
        library=LIBRARY,
        features=found.features,
        ecosystems={},
    )


def _recipe(name: str, text: str) -> Recipe:
    file, errors = validate(load(text, "recipe.yaml")[0], RecipeFile)
    raise_all(errors)
    return Recipe(
        **vars(file), name=name, dockerfile="", dockerfile_path=f"images/{name}/Dockerfile.j2"
    )


def _chart(name: str, text: str) -> ChartRecipe:
    file, errors = validate(load(text, "chart.yaml")[0], ChartFile)
    raise_all(errors)
    return ChartRecipe(**vars(file), name=name, files={"chart.yaml": text})


def _feature(name: str, text: str) -> ChartFeature:
    file, errors = validate(load(text, "feature.yaml")[0], FeatureFile)
    raise_all(errors)
    files = {"feature.yaml": text, **FILES[name]}
    return ChartFeature(**vars(file), name=name, files=files)
