"""Applies patches of charts and of their features. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from builder.catalog.models import Chart, ChartFeature, Path, UpstreamChartRecipe, ValueSpec
from builder.catalog.patch import Patch, PatchedValue, ValueChange
from builder.catalog.patching import Patching, every, none
from builder.catalog.selectors import is_inside
from builder.common.text import did_you_mean

_ALIASES: Mapping[str, str] = {"from": "source"}


def change_charts(patching: Patching, patch: Patch, names: Sequence[str]) -> None:
    """Change the charts that a patch selects."""
    own = [name for name in names if patching.charts[name].upstream is None]
    images = {name: patching.charts[name].image for name in own}
    for name, narrowings in patching.narrowings(patch, patch.only, images).items():
        chart = patching.charts[name]
        patching.charts[name] = replace(chart, narrowed=(*chart.narrowed, *narrowings))
    _change_features(patching, patch, own)
    for path in patch.values:
        _change_value(patching, patch, names, path)
    if patch.head is not None:
        said = {key: value for key, value in vars(patch.head).items() if value is not None}
        said = {f"head.{key}": it for key, it in said.items() if not key.startswith("more_")}
        for name in names:
            patching.say(patch, "charts", name, said, ("head",))
            chart = patching.charts[name]
            patching.charts[name] = replace(chart, heads=(*chart.heads, patch.head))


def change_features(patching: Patching, patch: Patch, names: Sequence[str]) -> None:
    """Change the features that a patch selects, and so all charts that have them.

    What it moves or takes away, it moves and takes away in these charts: what their recipes say of
    a value, they say by the path that it has in the feature.
    """
    if patch.summary is not None:
        for name in names:
            patching.say(patch, "features", name, {"summary": patch.summary}, ("summary",))
            patching.features[name] = replace(patching.features[name], summary=patch.summary)
    for path in patch.values:
        paths = {name: _paths_of(patching.features[name]) for name in names}
        having = _having(patching, patch, path, paths)
        for name, known in having.items():
            item = _item(patching, patch, path, known)
            if item.change is None or item.change.path is not None:
                _change_charts_with(patching, patch, name, item)
            if item.change is not None:
                _describe(patching, patch, name, item)


def _describe(patching: Patching, patch: Patch, name: str, item: PatchedValue) -> None:
    """Change the description of a value in a feature."""
    assert item.change is not None
    said = {f"{item.path}.{key}": value for key, value in item.change.said.items()}
    patching.say(patch, "features", name, said, ("values", item.path))
    feature = patching.features[name]
    changed = replace(item.change, path=None).apply(feature.values[item.path], item.path)
    values = {**feature.values, item.path: changed}
    patching.features[name] = replace(feature, values=values)


def _change_charts_with(patching: Patching, patch: Patch, feature: str, item: PatchedValue) -> None:
    """Move or take away a value of all charts that have a feature."""
    change = item.change and ValueChange(path=item.change.path)
    for name, chart in patching.charts.items():
        if feature in patching.objects.features_of(chart):
            changes = (*chart.changes, replace(item, change=change))
            patching.charts[name] = replace(chart, changes=changes)


def _change_features(patching: Patching, patch: Patch, names: Sequence[str]) -> None:
    for index, feature in enumerate(patch.more_features):
        if feature in patching.features:
            _add(patching, patch, names, feature, ("features+", index))
        else:
            hint = did_you_mean(feature, patching.features)
            message = f": unknown feature {feature!r}"
            patching.fail("E-NAME-UNKNOWN", patch, ("features+", index), message, hint)
    for index, feature in enumerate(patch.fewer_features):
        _drop(patching, patch, names, feature, ("features-", index))


def _add(patching: Patching, patch: Patch, names: Sequence[str], feature: str, path: Path) -> None:
    """Give a feature to the charts that lack it."""
    lacking = [name for name in names if feature not in _features_of(patching, name)]
    if names and not lacking:
        message = f": {every(patch, names)} has feature {feature!r} already"
        patching.fail("E-PATCH-FEATURE", patch, path, message)
    for name in lacking:
        chart = patching.charts[name]
        patching.charts[name] = replace(
            chart,
            features=(*chart.features, feature),
            dropped=tuple(item for item in chart.dropped if item != feature),
            locations={**chart.locations, ("features", feature): patching.location(patch, path)},
        )


def _drop(patching: Patching, patch: Patch, names: Sequence[str], feature: str, path: Path) -> None:
    """Take a feature from the charts that have it."""
    having = [name for name in names if feature in _features_of(patching, name)]
    if names and not having:
        known = dict.fromkeys(item for name in names for item in _features_of(patching, name))
        message = f": {every(patch, names)} lacks feature {feature!r}"
        patching.fail("E-PATCH-FEATURE", patch, path, message, did_you_mean(feature, known))
    for name in having:
        chart = patching.charts[name]
        patching.charts[name] = replace(
            chart,
            features=tuple(item for item in chart.features if item != feature),
            dropped=(*chart.dropped, feature),
        )


def _features_of(patching: Patching, name: str) -> tuple[str, ...]:
    return patching.objects.features_of(patching.charts[name])


def _change_value(patching: Patching, patch: Patch, names: Sequence[str], path: str) -> None:
    paths = {name: patching.objects.paths_of(patching.charts[name]) for name in names}
    for name, known in _having(patching, patch, path, paths).items():
        item = _item(patching, patch, path, known)
        chart = patching.charts[name]
        said: dict[str, Any] = {"path": None} if item.change is None else item.change.said
        if item.change is not None and item.change.path is not None:
            if item.change.path in paths[name] or chart.upstream:
                message = f": {name} has a value {item.change.path} already"
                if chart.upstream:
                    message = f": the values of {name} are an upstream's, and cannot move"
                patching.fail("E-PATCH-VALUE", patch, ("values", path, "path"), message)
                continue
            said |= {"path": item.change.path}
        said = {f"{item.path}.{key}": value for key, value in said.items()}
        patching.say(patch, "charts", name, said, ("values", path))
        patching.charts[name] = replace(chart, changes=(*chart.changes, item))


def _having(
    patching: Patching, patch: Patch, path: str, paths: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Return what has a value, and the path that it has there now. Notes where nothing has it."""
    having = {name: known[path] for name, known in paths.items() if path in known}
    if not having and paths:
        every = {known for here in paths.values() for known in here}
        message, hint = f": {none(patch, paths)} a value {path}", did_you_mean(path, sorted(every))
        patching.fail("E-PATCH-VALUE", patch, ("values", path), message, hint)
    return having


def _item(patching: Patching, patch: Patch, path: str, known: str) -> PatchedValue:
    """Return the change of a value that a patch says at `path`; `known` is its path now."""
    change = patch.values[path]
    if change is not None:
        change = change_of(change, patching.raw(patch, "values", path))
    return PatchedValue(
        path=known,
        change=change,
        patch=patch.name,
        location=patching.location(patch, ("values", path)),
    )


def change_of(change: ValueChange, raw: Mapping[str, Any]) -> ValueChange:
    """Return what a file says of a value, with the keys that it has as null: `raw` is that."""
    cleared = tuple(_ALIASES.get(key, key) for key, value in raw.items() if value is None)
    return replace(change, cleared=tuple(key for key in cleared if key != "path"))


def _paths_of(feature: ChartFeature) -> dict[str, str]:
    """Return the paths of the values of a feature, and of those they had before, by path."""
    former = {old: path for path, spec in feature.values.items() for old in spec.formerly or ()}
    return {**former, **{path: path for path in feature.values}}


def with_patched_form(recipe: UpstreamChartRecipe, chart: Chart) -> UpstreamChartRecipe:
    """Return the recipe of an upstream's chart, with what patches say of the values it shows."""
    form = dict(recipe.form)
    for item in chart.changes:
        form = with_change(form, item)
    return replace(recipe, form=form)


def with_change(specs: dict[str, ValueSpec], item: PatchedValue) -> dict[str, ValueSpec]:
    """Return descriptions of values, by path, with one change of a patch."""
    if item.change is None:
        return {path: spec for path, spec in specs.items() if not is_inside(path, item.path)}
    changed = {}
    new = item.change.path
    for path, spec in specs.items():
        if path == item.path:
            changed[new or path] = item.change.apply(spec, path)
        elif new and is_inside(path, item.path):
            moved = replace(spec, formerly=(*(spec.formerly or ()), path))
            changed[new + path.removeprefix(item.path)] = moved
        else:
            changed[path] = spec
    return changed if new is None else _renamed(changed, item.path, new)


def _renamed(specs: dict[str, ValueSpec], old: str, new: str) -> dict[str, ValueSpec]:
    """Return descriptions that name a value by its new path, where one names another."""

    def path_of(name: str | None) -> str | None:
        return new + name.removeprefix(old) if name and is_inside(name, old) else name

    return {
        path: replace(
            spec,
            shown_if=path_of(spec.shown_if),
            hidden_if=path_of(spec.hidden_if),
            fills=path_of(spec.fills),
        )
        for path, spec in specs.items()
    }


def current_path(chart: Chart, path: str) -> str:
    """Return the path that a value of a chart has after all patches."""
    for item in chart.changes:
        if item.change and item.change.path and is_inside(path, item.path):
            path = item.change.path + path.removeprefix(item.path)
    return path
