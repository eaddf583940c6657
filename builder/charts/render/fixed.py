"""Values of a chart that the matrix fixes: a form does not show them, and Helm takes no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from builder.catalog.models import Chart
from builder.charts.render.values import Value, is_type
from builder.common.errors import Location


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the matrix fixes at a path. A group holds what it lists, and no key of another name."""

    path: str
    value: object
    location: Location
    is_group: bool = False


def settings(chart: Chart, paths: Sequence[str]) -> list[Setting]:
    """Return what the matrix fixes of a chart, a group with each value in it."""
    return [
        item
        for path, value in chart.fixed.items()
        for item in _settings(path, value, paths, chart.at("fixed", path))
    ]


def _settings(
    path: str, value: object, paths: Sequence[str], location: Location
) -> Iterator[Setting]:
    is_group = any(other.startswith(f"{path}.") for other in paths)
    yield Setting(path=path, value=value, location=location, is_group=is_group)
    if is_group and isinstance(value, Mapping):
        for key, inner in value.items():
            below = str(key).replace(".", "\\.")
            yield from _settings(f"{path}.{below}", inner, paths, location)


def with_fixed(
    values: Sequence[Value], items: Sequence[Setting]
) -> tuple[tuple[Value, ...], list[Setting]]:
    """Return the values, of which some are fixed, and what is fixed and is no value."""
    by_path = {value.path: value for value in values}
    unknown = []
    for item in items:
        if item.is_group:
            group = by_path.get(item.path) or Value(
                path=item.path, type="object", default=None, owner=item.location, is_group=True
            )
            # What is no mapping is said to be of another type.
            default = None if isinstance(item.value, Mapping) else item.value
            by_path[item.path] = replace(
                group, is_fixed=True, default=default, owner=item.location, onyxia={}
            )
        elif item.path in by_path:
            by_path[item.path] = _fixed(by_path[item.path], item)
        else:
            unknown.append(item)
    return _without_ways_around(tuple(by_path.values())), unknown


def _without_ways_around(values: Sequence[Value]) -> tuple[Value, ...]:
    """Return the values but those that fill a fixed one, and the groups that held nothing else."""
    fixed_paths = {value.path for value in values if value.is_fixed}
    around = [value.path for value in values if value.fills in fixed_paths]
    left = [value for value in values if value.path not in around]
    emptied = {
        group.path
        for group in left
        if group.is_group
        and any(path.startswith(f"{group.path}.") for path in around)
        and not any(value.path.startswith(f"{group.path}.") for value in left)
    }
    return tuple(value for value in left if value.path not in emptied)


def _fixed(value: Value, item: Setting) -> Value:
    """Return a value that is as the matrix says. A former path of it would be a way around."""
    types = (value.type, *value.also)
    return replace(
        value,
        type=next((kind for kind in types if is_type(item.value, kind)), value.type),
        default=item.value,
        owner=item.location,
        is_fixed=True,
        form=False,
        also=(),
        source=None,
        onyxia={},
        schema={},
        formerly=(),
        is_refilled=False,
    )
