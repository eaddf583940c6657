"""Applies what a link or a saved launch changes, and finds where the platform's form fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

from builder.catalog.models import Path
from builder.charts.onyxia.schema_nodes import json_path, resolved
from builder.charts.onyxia.value_types import (
    Context,
    Schema,
    as_number,
    kind_of,
    options,
    same,
)
from builder.common.errors import BuilderError, ConfigError
from builder.common.mappings import mapping

Patch = Sequence[tuple[Path, Any]]
"""Paths of values with what they are set to, in order."""

DELETED = object()
"""What a patch sets a value to that it takes away."""


def patched(values: Mapping[str, Any], patch: Patch) -> dict[str, Any]:
    """Return values with the changes of a link or a saved launch. Raises ConfigError."""
    changed: dict[str, Any] = deepcopy(dict(values))
    for path, value in patch:
        node: Any = changed
        for key, following in pairwise(path):
            node = _below(node, key, [] if isinstance(following, int) else {}, path)
        _set(node, path[-1], value, path)
    return changed


def _below(node: Any, key: str | int, new: Any, path: Path) -> Any:
    """Return what is at a key, which is made where it is missing."""
    if isinstance(node, dict) and not isinstance(node.get(key), dict | list):
        node[key] = new
    elif _is_after(node, key):
        node.append(new)
        return new
    elif not isinstance(node, dict) and not _is_index(node, key):
        raise _misplaced(path)
    return node[key]


def _set(node: Any, key: str | int, value: Any, path: Path) -> None:
    if isinstance(node, dict):
        node[key] = value
    elif _is_after(node, key):
        node.append(value)
    elif _is_index(node, key):
        node[key] = value
    else:
        raise _misplaced(path)
    if value is DELETED:
        del node[key if isinstance(node, dict) else min(int(key), len(node) - 1)]


def _is_after(node: Any, key: str | int) -> bool:
    """Whether an index is behind the last item: items before it were taken away."""
    return isinstance(node, list) and isinstance(key, int) and key >= len(node)


def _is_index(node: Any, key: str | int) -> bool:
    return isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node)


def _misplaced(path: Path) -> ConfigError:
    return ConfigError(f"the patch fails at {json_path(path)}: it is no place in the values")


def form_errors(schema: Schema, values: Mapping[str, Any], context: Context) -> list[BuilderError]:
    """Return an error for each place at which the form fails on values; Helm may take them."""
    ranges: dict[str, dict[str, float]] = {}
    errors = [
        ConfigError(f"the form fails at {json_path(path)}: {problem}", hint=hint)
        for path, problem, hint in _problems(resolved(schema), values, values, context, (), ranges)
    ]
    errors += [
        ConfigError(f"the form fails: the range {name} ends at {ends['up']}, below its beginning")
        for name, ends in ranges.items()
        if ends.get("down", 0) > ends.get("up", ends.get("down", 0))
    ]
    return list(errors)


Found = tuple[Path, str, str]


def _problems(
    node: Schema,
    value: Any,
    everything: Mapping[str, Any],
    context: Context,
    path: Path,
    ranges: dict[str, dict[str, float]],
) -> Iterator[Found]:
    if "const" in node or _is_hidden(node, everything, path):
        return
    choices = options(node, context)
    if choices is not None:
        if not any(same(choice, value) for choice in choices):
            yield path, "its value is not in the list", "set one that is, or leave it out"
    elif "sliderMin" in node:
        yield from _slider(node, value, path, ranges)
    elif isinstance(node.get("properties"), Mapping):
        for key, inner in node["properties"].items():
            below = mapping(value).get(key)
            yield from _problems(inner, below, everything, context, (*path, key), ranges)
    elif isinstance(node.get("items"), Mapping) and isinstance(value, list):
        for number, item in enumerate(value):
            inner_path = (*path, number)
            yield from _problems(node["items"], item, everything, context, inner_path, ranges)
    elif not _is_of_kind(node, value):
        yield path, f"it is no {kind_of(node)}", "set one, or leave it out"


def _slider(
    node: Schema, value: Any, path: Path, ranges: dict[str, dict[str, float]]
) -> Iterator[Found]:
    unit = str(node.get("sliderUnit", ""))
    number = as_number(value[: len(value) - len(unit)]) if isinstance(value, str) else value
    if not isinstance(number, int | float):
        yield path, "its slider has no number", f"set a number with the unit {unit}"
    elif "sliderRangeId" in node:
        ends = ranges.setdefault(str(node["sliderRangeId"]), {})
        ends[str(node.get("sliderExtremity"))] = number


def _is_hidden(node: Schema, everything: Mapping[str, Any], path: Path) -> bool:
    """Whether the form leaves a value out, and all below it."""
    if mapping(node, "x-onyxia").get("hidden") is True:
        return True
    hidden = node.get("hidden")
    if not isinstance(hidden, Mapping):
        return hidden is True
    target = tuple(str(hidden.get("path", "")).split("/"))
    if hidden.get("isPathRelative"):
        target = (*map(str, path[:-1]), *target)
    found: Any = everything
    for key in target:
        found = mapping(found).get(key)
    return found is not None and same(found, hidden.get("value"))


def _is_of_kind(node: Schema, value: Any) -> bool:
    """Whether a field of a form can show a value."""
    kinds: Mapping[str, type | tuple[type, ...]] = {
        "string": str, "boolean": bool, "integer": (int, float), "number": (int, float),
        "array": list, "object": dict,
    }  # fmt: skip
    kind = kind_of(node)
    is_truth = kind in ("integer", "number") and isinstance(value, bool)
    return isinstance(value, kinds.get(kind, object)) and not is_truth
