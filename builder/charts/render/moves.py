"""Values that patches move or take away, and the templates that read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from builder.catalog.models import Chart, ChartRecipe, SourceObject, ValueSpec
from builder.catalog.patch import PatchedValue
from builder.catalog.selectors import is_inside
from builder.charts.render.templates import Part, Read
from builder.common.errors import BuilderError, ConfigError, Location


def moved_recipe(recipe: ChartRecipe, chart: Chart) -> ChartRecipe:
    """Return a recipe whose command reads values where patches moved them."""
    for item in _moves(chart):
        custom = recipe.custom_image
        recipe = replace(
            recipe,
            command=_words(recipe.command, item),
            health=_text(recipe.health, item),
            files={path: _text(text, item) for path, text in recipe.files.items()},
            custom_image=replace(
                custom, commands=tuple(_words(words, item) for words in custom.commands)
            ),
        )
    return recipe


def moved_part(part: Part, chart: Chart) -> Part:
    """Return a feature whose templates read values where patches moved them."""
    for item in _moves(chart):
        part = replace(
            part,
            files={
                path: text if path.startswith("ci/") else _text(text, item)
                for path, text in part.files.items()
            },
            objects={name: _object(found, item) for name, found in part.objects.items()},
        )
    return part


def still_read(chart: Chart, reads: Sequence[Read]) -> tuple[list[BuilderError], list[Read]]:
    """Return an error for each value that is gone and still read, and all other reads."""
    errors: list[BuilderError] = []
    others = list(reads)
    for item in chart.changes:
        if item.change is not None and item.change.path is None:
            continue
        readers = [read for read in others if is_inside(read.path, item.path)]
        if item.change and is_inside(item.change.path or "", item.path):
            readers = [read for read in readers if read.path == item.path]
        others = [read for read in others if read not in readers]
        if readers:
            errors.append(_error(item, readers[0].location))
    return errors, others


def still_named(
    chart: Chart, specs: Mapping[str, tuple[ValueSpec, Location]]
) -> list[BuilderError]:
    """Return an error for each value that is gone, and shows, hides or is filled by another."""
    return [
        _error(item, where)
        for item in chart.changes
        if item.change is None
        for spec, where in specs.values()
        if _names(spec, item.path)
    ]


def _error(item: PatchedValue, place: Location) -> BuilderError:
    where = f"{place.file}:{place.line}" if place.line else place.file
    what, hint = "be removed", "hide it: `onyxia+: {hidden: true}`"
    if item.change is not None:
        what, hint = "move", f"let that file read {item.change.path}"
    return ConfigError(
        f"value {item.path} cannot {what}: {where} reads it",
        hint=hint,
        location=item.location,
        id="E-VALUE-READ",
    )


def _names(spec: ValueSpec, path: str) -> bool:
    """Whether the description of a value names another one, or a value in it."""
    return any(
        is_inside(name, path) for name in (spec.shown_if, spec.hidden_if, spec.fills) if name
    )


def _moves(chart: Chart) -> Iterator[PatchedValue]:
    return (item for item in chart.changes if item.change and item.change.path)


def _text(text: str, item: PatchedValue) -> str:
    """Return a template that reads a value where it is now."""
    assert item.change is not None
    new = f".Values.{item.change.path}"
    return re.sub(rf"\.Values\.{re.escape(item.path)}(?!\w)", lambda _: new, text)


def _words(words: Sequence[str], item: PatchedValue) -> tuple[str, ...]:
    return tuple(_text(word, item) for word in words)


def _object(found: SourceObject, item: PatchedValue) -> SourceObject:
    name = found.name
    if item.change and item.change.path and is_inside(name, item.path):
        name = item.change.path + name.removeprefix(item.path)
    return replace(found, name=name, folders=tuple(_text(folder, item) for folder in found.folders))
