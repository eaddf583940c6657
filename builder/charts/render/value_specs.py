"""Merges the descriptions of a chart's values: of features, of the recipe and of the matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from builder.catalog.chart_patches import current_path, with_change
from builder.catalog.models import Chart, ChartFeature, ValueSpec
from builder.charts.render import fixed, given
from builder.charts.render import values as describe
from builder.charts.render.moves import still_named
from builder.charts.render.partners import having
from builder.charts.render.templates import Part
from builder.charts.render.values import Value
from builder.common.errors import BuilderError, ConfigError, Location, raise_all
from builder.common.text import did_you_mean

Specs = dict[str, tuple[ValueSpec, Location]]


def values_of(
    recipe_part: Part,
    parts: Sequence[Part],
    facts: Mapping[str, object],
    chart: Chart,
    features: Mapping[str, ChartFeature],
) -> tuple[Value, ...]:
    """Return the values of all parts, in their order, with the changes of recipe and matrix.

    `features` are all that there are, for what an error suggests. Raises ConfigError, or Problems
    with every independent one.
    """
    errors: list[BuilderError] = []
    specs = _described(parts, errors)
    for part in parts:
        for path, change in part.changes.items():
            if path in specs:
                described, location = specs[path]
                specs[path] = (described.changed_by(change), location)
    for path, change, location in _of_recipe(recipe_part):
        if path not in specs and change.type is None:
            errors.append(_unknown(path, specs, features, location))
            continue
        described = specs[path][0] if path in specs else ValueSpec()
        specs[path] = (described.changed_by(change), location)
    unknown_paths = _change_by_matrix(specs, chart)
    errors += still_named(chart, specs)
    for path in unknown_paths:
        errors.append(_unknown(path, specs, features, chart.at("values", path)))
    values = _read_all(specs, facts, errors)
    settings = fixed.settings(chart, [value.path for value in values])
    values, unknown = fixed.with_fixed(values, settings)
    errors += [_unknown(item.path, specs, features, item.location) for item in unknown]
    errors += describe.check(values, partial(having, features=features))
    raise_all([of_chart(error, chart) for error in errors])
    return given.with_refilled(values)


def _unknown(
    path: str, specs: Specs, features: Mapping[str, ChartFeature], location: Location
) -> BuilderError:
    if hint := having(path, features):
        text = f"no feature of the chart has a value {path}"
    else:
        text, hint = f"no feature has a value {path}", did_you_mean(path, specs)
    return ConfigError(text, hint=hint, location=location)


def of_chart(error: BuilderError, chart: Chart) -> BuilderError:
    """Name the chart in an error about its line of the matrix, where others stand too."""
    if error.location is None or error.location.file != chart.at().file:
        return error
    message = f"chart {chart.name}: {error.message}"
    return ConfigError(message, hint=error.hint, location=error.location)


def _described(parts: Sequence[Part], errors: list[BuilderError]) -> Specs:
    """Return the descriptions of the features' own values."""
    specs: Specs = {}
    for part in parts:
        for path, spec in part.values.items():
            location = describe.locate(part.files, part.folder, "feature.yaml", path)
            if path in specs:
                text = f"value {path} is described in {specs[path][1]} already"
                errors.append(ConfigError(text, location=location))
            else:
                specs[path] = (spec, location)
    return specs


def _change_by_matrix(specs: Specs, chart: Chart) -> list[str]:
    """Change what patches and the chart's own line say; return the paths that are not there."""
    for item in chart.changes:
        changed = with_change({path: spec for path, (spec, _) in specs.items()}, item)
        places = {path: location for path, (_, location) in specs.items()}
        places[item.path] = item.location
        specs.clear()
        specs.update({key: (spec, places.get(key, item.location)) for key, spec in changed.items()})
    unknown = []
    for path, default in chart.values.items():
        known = current_path(chart, path)
        if known in specs:
            described = specs[known][0].changed_by(ValueSpec(default=default))
            specs[known] = (described, chart.at("values", path))
        else:
            unknown.append(path)
    return unknown


def _of_recipe(recipe_part: Part) -> Iterator[tuple[str, ValueSpec, Location]]:
    for path, spec in recipe_part.values.items():
        location = describe.locate(recipe_part.files, recipe_part.folder, "chart.yaml", path)
        yield path, spec, location


def _read_all(
    specs: Specs,
    facts: Mapping[str, object],
    errors: list[BuilderError],
) -> tuple[Value, ...]:
    values = []
    for path, (spec, location) in specs.items():
        try:
            values.append(describe.read_value(path, spec, facts, location))
        except ConfigError as error:
            errors.append(error)
    return tuple(values)
