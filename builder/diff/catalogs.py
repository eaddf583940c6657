"""Compare two contents of a catalog, each read and expanded. Data in, data out.

What is compared is what the catalogs say, not their text: an order of keys, a comment or a quote is
no change. What a build executes comes first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import PurePath
from typing import Any

from builder.catalog.models import (
    AxisValue,
    Catalog,
    ChartFeature,
    ChartRecipe,
    Recipe,
    UpstreamChartRecipe,
    ValueSpec,
)
from builder.overlay.replaced_files import reached_by
from builder.project import Project

ADDED, REMOVED, CHANGED, RENAMED, ORDER = "added", "removed", "changed", "renamed", "order"
_NOT_SAID = frozenset({"name", "axis", "locations", "files", "folder", "changes", "dropped"})
_NOT_OF_RECIPES = _NOT_SAID | {
    "dockerfile",
    "dockerfile_path",
    "tests",
    "tests_hash",
    "has_tests",
    "packages",
}
_NOT_OF_CHARTS = _NOT_SAID | {"tests", "values"}
_WORDS = {"origin": "from", "source": "from"}
_Chart = ChartRecipe | UpstreamChartRecipe


@dataclass(frozen=True, kw_only=True)
class CatalogChange:
    """A change of one thing that a catalog has.

    `kind` is macro, library, file, tests, axis value, image, recipe, feature, value or chart.
    `what` is added, removed, changed, renamed or order. `part` says what of it changed. `before`
    and `after` are None where there is nothing. `targets` and `charts` are how many it reaches.
    """

    kind: str
    name: str
    what: str
    part: str = ""
    before: str | None = None
    after: str | None = None
    targets: int = 0
    charts: int = 0


def catalog_changes(old: Project, new: Project) -> tuple[CatalogChange, ...]:
    """Return what a catalog says otherwise than before; what builds execute comes first."""
    return (
        *_macros(old, new),
        *_library(old, new),
        *_executed(old, new),
        *_axes(old.catalog, new.catalog),
        *_images(old, new),
        *_recipes(old, new),
        *_features(old.catalog, new.catalog),
        *_charts(old.catalog, new.catalog),
    )


# What a build or a test executes.


def _macros(old: Project, new: Project) -> Iterator[CatalogChange]:
    """Yield the macros that changed, with the targets that each reaches."""
    for name, what in _named(old.catalog.macros, new.catalog.macros):
        side = old if what == REMOVED else new
        reached = len(reached_by(name, side.catalog, side.expansion))
        yield CatalogChange(kind="macro", name=PurePath(name).name, what=what, targets=reached)


def _library(old: Project, new: Project) -> Iterator[CatalogChange]:
    before, after = old.catalog.library, new.catalog.library
    for name, what in _named(before, after):
        yield CatalogChange(kind="library", name=name, what=what, charts=len(new.expansion.charts))


def _executed(old: Project, new: Project) -> Iterator[CatalogChange]:
    """Yield the Dockerfiles, files and tests that changed, of recipes on both sides."""
    before, after = old.catalog.recipes, new.catalog.recipes
    for name in (name for name in after if name in before):
        reached = _reached(new, name)
        for path, what in _named(_files(before[name]), _files(after[name])):
            file = f"images/{name}/{path}"
            yield CatalogChange(kind="file", name=file, what=what, targets=reached)
        tests = [{"tests": item.tests_hash} if item.tests_hash else {}
                 for item in (before[name], after[name])]  # fmt: skip
        for path, what in _named(*tests):
            yield CatalogChange(
                kind="tests", name=f"images/{name}/{path}", what=what, targets=reached
            )


def _files(recipe: Recipe) -> dict[str, str]:
    """Return what identifies each file of a recipe that a build executes or copies, by path."""
    files = {file.path: f"{file.sha256} {file.mode:o}" for file in recipe.files}
    dockerfile = hashlib.sha256(recipe.dockerfile.encode()).hexdigest()
    return {"Dockerfile.j2": dockerfile, **files} if recipe.dockerfile else files


def _reached(project: Project, recipe: str) -> int:
    """Return how many targets stand on a recipe, or are made by it."""
    expansion = project.expansion
    return sum(
        any(item.recipe == recipe for item in expansion.lineage(target))
        for target in expansion.targets.values()
    )


# The matrix.


def _axes(old: Catalog, new: Catalog) -> Iterator[CatalogChange]:
    before, after = old.matrix.axes, new.matrix.axes
    for axis in dict.fromkeys((*after, *before)):
        one, other = _by_name(before.get(axis, ())), _by_name(after.get(axis, ()))
        yield from _things("axis value", one, other, f"{axis}=")
        kept = [[name for name in names if name in one and name in other] for names in (one, other)]
        if kept[0] != kept[1]:
            yield CatalogChange(
                kind="axis value",
                name=axis,
                what=ORDER,
                before=", ".join(kept[0]),
                after=", ".join(kept[1]),
            )


def _by_name(values: Iterable[AxisValue]) -> dict[str, AxisValue]:
    return {value.name: value for value in values}


def _images(old: Project, new: Project) -> Iterator[CatalogChange]:
    yield from _things("image", old.catalog.matrix.images, new.catalog.matrix.images)


def _charts(old: Catalog, new: Catalog) -> Iterator[CatalogChange]:
    before, after = ({**item.matrix.charts, **item.matrix.upstream_charts} for item in (old, new))
    yield from _things("chart", before, after)
    recipes: list[Mapping[str, _Chart]] = [
        {**item.charts, **item.upstream_charts} for item in (old, new)
    ]
    for name in (name for name in recipes[1] if name in recipes[0]):
        one, other = recipes[0][name], recipes[1][name]
        folder = f"charts/{name}"
        yield from _said("chart", folder, one, other, _NOT_OF_CHARTS)
        yield from _values(folder, one.values, other.values)
        yield from _texts(folder, one.files, other.files, ("chart.yaml", "upstream.yaml"))


# Recipes and features.


def _recipes(old: Project, new: Project) -> Iterator[CatalogChange]:
    before, after = old.catalog.recipes, new.catalog.recipes
    for name, what in _named(before, after):
        if what != CHANGED:
            yield CatalogChange(kind="recipe", name=name, what=what)
            continue
        one, other, reached = before[name], after[name], _reached(new, name)
        for ecosystem in dict.fromkeys((*other.packages, *one.packages)):
            gone, come = _lists(one.packages.get(ecosystem, ()), other.packages.get(ecosystem, ()))
            if gone or come:
                yield CatalogChange(
                    kind="recipe",
                    name=name,
                    what=CHANGED,
                    part=f"{ecosystem} packages",
                    before=gone,
                    after=come,
                    targets=reached,
                )
        for change in _said("recipe", name, one, other, _NOT_OF_RECIPES):
            yield replace(change, targets=reached)


def _lists(old: Sequence[str], new: Sequence[str]) -> tuple[str | None, str | None]:
    """Return what only the old list has, and what only the new one has."""
    gone, come = ([item for item in one if item not in other]
                  for one, other in ((old, new), (new, old)))  # fmt: skip
    return ", ".join(gone) or None, ", ".join(come) or None


def _features(old: Catalog, new: Catalog) -> Iterator[CatalogChange]:
    for name, what in _named(old.features, new.features):
        reached = _with_feature(new if what != REMOVED else old, name)
        if what != CHANGED:
            yield CatalogChange(kind="feature", name=name, what=what, charts=reached)
            continue
        one, other = old.features[name], new.features[name]
        for change in _feature(name, one, other):
            yield replace(change, charts=reached)


def _feature(name: str, old: ChartFeature, new: ChartFeature) -> Iterator[CatalogChange]:
    yield from _said("feature", name, old, new, _NOT_SAID | {"values"})
    yield from _values(name, old.values, new.values)
    yield from _texts(f"charts/features/{name}", old.files, new.files, ("feature.yaml",))


def _with_feature(catalog: Catalog, name: str) -> int:
    """Return how many charts have a feature."""
    return sum(
        name in (*recipe.features, *chart.features) and name not in chart.dropped
        for chart in catalog.matrix.charts.values()
        if (recipe := catalog.charts.get(chart.recipe))
    )


def _values(
    name: str, old: Mapping[str, ValueSpec | Any], new: Mapping[str, ValueSpec | Any]
) -> Iterator[CatalogChange]:
    """Yield the changes of the values that a feature or a chart describes, by path."""
    renamed = {
        former: path
        for path, spec in new.items()
        if path not in old
        for former in getattr(spec, "formerly", None) or ()
        if former in old and former not in new
    }
    for former, path in renamed.items():
        yield CatalogChange(
            kind="value", name=f"{name}: {former}", what=RENAMED, before=former, after=path
        )
    kept = {path: spec for path, spec in old.items() if path not in renamed}
    fresh = {path: spec for path, spec in new.items() if path not in renamed.values()}
    yield from _things("value", kept, fresh, f"{name}: ")
    for former, path in renamed.items():
        yield from _said(
            "value", f"{name}: {path}", old[former], new[path], _NOT_SAID | {"formerly"}
        )


def _texts(
    folder: str, old: Mapping[str, str], new: Mapping[str, str], merged: Collection[str]
) -> Iterator[CatalogChange]:
    for path, what in _named(old, new):
        if path not in merged:
            yield CatalogChange(kind="file", name=f"{folder}/{path}", what=what)


# Anything with a name.


def _things(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[CatalogChange]:
    """Yield what came, went and says otherwise; `prefix` begins what it is called."""
    for key, what in _named(old, new):
        if what == CHANGED:
            yield from _said(kind, f"{prefix}{key}", old[key], new[key], _NOT_SAID)
        else:
            thing = new[key] if what == ADDED else old[key]
            shown = shown_value(getattr(thing, "default", None))
            before, after = (None, shown) if what == ADDED else (shown, None)
            yield CatalogChange(
                kind=kind, name=f"{prefix}{key}", what=what, before=before, after=after
            )


def _named(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each name that is not the same on both sides, and what became of it."""
    for name in dict.fromkeys((*old, *new)):
        if name not in old or name not in new or old[name] != new[name]:
            yield name, _what(name, old, new)


def _what(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return ADDED if name not in old else REMOVED if name not in new else CHANGED


def _said(
    kind: str, name: str, old: Any, new: Any, without: Collection[str]
) -> Iterator[CatalogChange]:
    """Yield a change for each thing that is said otherwise; a value may be any data."""
    if not is_dataclass(old) or not is_dataclass(new):
        if old != new:
            before, after = shown_value(old), shown_value(new)
            yield CatalogChange(kind=kind, name=name, what=CHANGED, before=before, after=after)
        return
    for item in fields(new):
        before, after = (getattr(side, item.name, None) for side in (old, new))
        if item.name not in without and before != after:
            yield CatalogChange(
                kind=kind,
                name=name,
                what=CHANGED,
                part=_WORDS.get(item.name, item.name),
                before=shown_value(before),
                after=shown_value(after),
            )


def shown_value(value: Any) -> str | None:
    """Return a value as one line of text; None for nothing."""
    if value is None or value in ("", (), [], {}):
        return None
    if isinstance(value, str):
        return value
    plain = _plain(value)
    if isinstance(plain, list) and all(isinstance(item, str) for item in plain):
        return ", ".join(plain)
    return json.dumps(plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return a value as data of JSON, without what it does not say."""
    if is_dataclass(value) and not isinstance(value, type):
        said = {item.name: getattr(value, item.name) for item in fields(value)}
        return {
            _WORDS.get(key, key): _plain(item)
            for key, item in said.items()
            if not (item is None or item is False or item in ("", (), {}) or key in _NOT_SAID)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
