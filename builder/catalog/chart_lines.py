"""Reads what the lines of charts in matrix.yaml say of values beside their defaults. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from builder.catalog.chart_patches import change_of
from builder.catalog.fields import FileModel
from builder.catalog.models import Chart, ValueSpec
from builder.catalog.patch import PatchedValue, ValueChange
from builder.catalog.patching import Patching
from builder.catalog.schema_check import validate


@dataclass(frozen=True, kw_only=True)
class _Line(FileModel):
    values: Mapping[str, ValueChange] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Lines(FileModel):
    charts: Mapping[str, _Line] = field(default_factory=dict)


def change_by_lines(patching: Patching) -> None:
    """Take the mappings that lines of charts have for values as changes, after all patches.

    Of a value that is a mapping itself, a mapping is its default.
    """
    for name, chart in patching.charts.items():
        described = {path: chart.values[path] for path in _described(patching, chart)}
        if not described:
            continue
        document = patching.objects.document
        lines, errors = validate(
            replace(document, data={"charts": {name: {"values": described}}}), _Lines
        )
        patching.errors += errors
        if lines is None:
            continue
        known = patching.objects.paths_of(chart)
        changes = tuple(
            PatchedValue(
                path=known[path],
                change=change_of(change, described[path]),
                patch="",
                location=chart.at("values", path),
            )
            for path, change in lines.charts[name].values.items()
        )
        kept = {path: item for path, item in chart.values.items() if path not in described}
        patching.charts[name] = replace(chart, values=kept, changes=(*chart.changes, *changes))


def _described(patching: Patching, chart: Chart) -> Iterator[str]:
    """Yield the paths of values of which the line of a chart says more than a default."""
    if chart.upstream is not None:
        return
    mappings = [path for path, said in chart.values.items() if isinstance(said, Mapping)]
    if not mappings:
        return
    known, specs = patching.objects.paths_of(chart), _specs(patching, chart)
    for path in mappings:
        now = known.get(path)
        found = specs.get(path) or specs.get(now or "")
        if now and found and not (found.type == "object" and found.default is not None):
            yield path


def _specs(patching: Patching, chart: Chart) -> dict[str, ValueSpec]:
    """Return the descriptions of the values of a chart, of its features and its recipe, by path."""
    objects, specs = patching.objects, dict[str, ValueSpec]()
    recipe = objects.charts.get(chart.recipe)
    features = [name for name in objects.features_of(chart) if name in patching.features]
    described = [patching.features[name].values for name in features]
    for values in (*described, recipe.values if recipe else {}):
        for path, spec in values.items():
            specs[path] = specs.get(path, ValueSpec()).changed_by(spec)
    return specs
