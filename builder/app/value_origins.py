"""Finds the places that set a value of a catalog: of matrix.yaml, or of a chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.catalog.merge import MergedDocument, Origin
from builder.catalog.models import Catalog, ChartFile, FeatureFile, Matrix, Path
from builder.catalog.parser import layered
from builder.catalog.patch import PatchedValue
from builder.common.errors import SelectionError
from builder.common.text import did_you_mean
from builder.overlay.source_catalogs import MATRIX, CatalogFiles
from builder.project import shared_files

_FEATURES = "charts/features"
_FIELDS: Mapping[str, str] = {"from": "source", "onyxia": "more_onyxia"}


@dataclass(frozen=True, kw_only=True)
class ValueOrigins:
    """A value, and the places that set it, the weakest first."""

    value: Any
    origins: tuple[Origin, ...]


def value_origins(files: CatalogFiles, catalog: Catalog, text: str) -> ValueOrigins:
    """Return the value that `text` names, such as `charts.NAME.values.persistence.size.default`.

    Raises SelectionError where there is none.
    """
    matrix = layered(files.texts_of(MATRIX), "matrix.yaml", Matrix)
    for name in sorted(catalog.matrix.charts, key=len, reverse=True):
        if text.startswith(f"charts.{name}.values."):
            return _of_chart(files, catalog, matrix, name, text)
    path = _path(matrix.data, text)
    return ValueOrigins(value=_at(matrix.data, path), origins=matrix.origins(path))


def _of_chart(
    files: CatalogFiles, catalog: Catalog, matrix: MergedDocument, name: str, text: str
) -> ValueOrigins:
    """Return a value of a chart: features, then the recipe, then the chart's own line say it."""
    wanted = text.removeprefix(f"charts.{name}.values.")
    documents = list(_documents(files, catalog, name))
    paths = {
        key for document in documents for section in ("values", "changes")
        for key in _mapping(document.data, section)
    }  # fmt: skip
    own = _mapping(matrix.data, "charts", name)
    paths |= {key for section in ("values", "fixed") for key in _mapping(own, section)}
    key = _longest(wanted, paths)
    if key is None:
        raise _unknown(text, [f"charts.{name}.values.{path}" for path in sorted(paths)])
    attribute = wanted.removeprefix(key).removeprefix(".") or "default"
    origins: list[Origin] = []
    for document in documents:
        for section in ("values", "changes"):
            origins += document.origins((section, key, attribute))
    origins += _of_patches(files, catalog, matrix, name, key, attribute)
    if attribute == "default":
        for section in ("values", "fixed"):
            origins += matrix.origins(("charts", name, section, key))
    if not origins:
        raise _unknown(text, [f"charts.{name}.values.{path}" for path in sorted(paths)])
    return ValueOrigins(value=origins[-1].value, origins=tuple(origins))


def _documents(files: CatalogFiles, catalog: Catalog, name: str) -> Iterator[MergedDocument]:
    """Yield the files that describe the values of a chart, the weakest first."""
    chart = catalog.matrix.charts[name]
    recipe = catalog.charts[chart.recipe]
    shared, folder = shared_files("features")
    for feature in dict.fromkeys((*recipe.features, *chart.features)):
        if feature in chart.dropped:
            continue
        path = f"{feature}/feature.yaml"
        if files.has(f"{_FEATURES}/{path}"):
            texts = files.texts_of(f"{_FEATURES}/{path}")
        else:
            texts = shared.texts_of(f"{folder}/{path}")
        yield layered(texts, "feature.yaml", FeatureFile)
    yield layered(files.texts_of(f"charts/{recipe.name}/chart.yaml"), "chart.yaml", ChartFile)


def _of_patches(
    files: CatalogFiles,
    catalog: Catalog,
    matrix: MergedDocument,
    name: str,
    key: str,
    attribute: str,
) -> Iterator[Origin]:
    """Yield the patches that set something of a chart's value, in their order."""
    field = _FIELDS.get(attribute, attribute)
    for item in (*_of_features(catalog, matrix, name), *catalog.matrix.charts[name].changes):
        change = item.change
        if item.path != key or change is None:
            continue
        if field in change.cleared or getattr(change, field, None) is not None:
            patches = catalog.matrix.patches
            yield Origin(
                catalog=_catalog_of(matrix, item, name) or files.own.name,
                location=item.location,
                rule=f"patch {item.patch}: {patches[item.patch].why}" if item.patch else "set",
                value=None if field in change.cleared else getattr(change, field),
            )


def _catalog_of(matrix: MergedDocument, item: PatchedValue, chart: str) -> str:
    if item.patch:
        return matrix.catalog_of(("patches", item.patch))
    origins = matrix.origins(("charts", chart, "values", item.path))
    return origins[-1].catalog if origins else ""


def _of_features(catalog: Catalog, matrix: MergedDocument, name: str) -> Iterator[PatchedValue]:
    """Yield what patches of features say of the values of a chart, in their order."""
    chart = catalog.matrix.charts[name]
    features = {*catalog.charts[chart.recipe].features, *chart.features} - {*chart.dropped}
    for patch in catalog.matrix.patches.values():
        if patch.features and features.intersection(catalog.matrix.matched.get(patch.name, ())):
            for path, change in patch.values.items():
                location = matrix.at_key(("patches", patch.name, "values", path))
                yield PatchedValue(path=path, change=change, patch=patch.name, location=location)


def _path(data: Any, text: str) -> Path:
    """Return the path of the value that a text names; a name may have dots."""
    path: list[str | int] = []
    rest = text
    while rest:
        if isinstance(data, list) and rest.partition(".")[0].isdecimal():
            part, _, rest = rest.partition(".")
            if int(part) < len(data):
                path.append(int(part))
                data = data[int(part)]
                continue
        key = _longest(rest, data) if isinstance(data, dict) else None
        if key is None:
            known = data if isinstance(data, dict) else ()
            raise _unknown(text, [".".join(map(str, (*path, item))) for item in known])
        path.append(key)
        data, rest = data[key], rest.removeprefix(key).removeprefix(".")
    return tuple(path)


def _longest(text: str, keys: Iterable[str]) -> str | None:
    """Return the longest key with which a text begins, as `3.13` in `3.13.eol`."""
    begins = [key for key in keys if text == key or text.startswith(f"{key}.")]
    return max(begins, key=len, default=None)


def _unknown(text: str, known: list[str]) -> SelectionError:
    return SelectionError(f"there is no value {text}", hint=did_you_mean(text, known))


def _mapping(data: Any, *path: str) -> Mapping[str, Any]:
    found = _at(data, path) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _at(data: Any, path: Iterable[Any]) -> Any:
    for part in path:
        data = data[part] if isinstance(data, list) or part in data else {}
    return data
