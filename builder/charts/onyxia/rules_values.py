"""Rules about the values of a chart: every launch has them, and both files agree on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from builder.catalog.models import Path
from builder.charts.onyxia.chart_files import ChartFiles
from builder.charts.onyxia.context import UNDEFINED
from builder.charts.onyxia.finding import FATAL, NOTE, SCHEMA, VALUES, WARNING, Problem, Rule
from builder.charts.onyxia.launch import launch
from builder.charts.onyxia.rules_schema import quoted
from builder.charts.onyxia.schema_nodes import ITEM, Node, resolved
from builder.charts.onyxia.value_reads import dependencies
from builder.charts.onyxia.value_types import (
    coerced,
    fits,
    misfits,
    options,
    same,
    type_of,
)
from builder.common.errors import BuilderError
from builder.common.mappings import mapping
from builder.common.patterns import matches
from builder.common.text import did_you_mean


def _default(chart: ChartFiles) -> Iterator[Problem]:
    """Require a default or const that its own schema accepts."""
    for node in chart.nodes:
        for key in ("default", "const"):
            if key in node.schema and node.kind and not node.is_group:
                value = node.schema[key]
                if not fits(node.schema, value, {}):
                    message = f"the {key} {quoted(value)} {_why(node, value)}"
                    yield Problem(message=message, path=(*node.schema_path, key))


def _why(node: Node, value: object) -> str:
    """Say why a value does not fit its node."""
    kind, actual = node.kind, type_of(value)
    if actual != ("number" if kind == "integer" else kind):
        return f"is not of type {kind}"
    choices = options(node.schema, {})
    if choices is not None and not any(same(choice, value) for choice in choices):
        return f"is not one of {', '.join(map(quoted, choices))}"
    pattern, unit = node.schema.get("pattern"), node.schema.get("sliderUnit")
    if isinstance(value, str) and isinstance(pattern, str) and not matches(pattern, value):
        return f"does not match the pattern {pattern}"
    if isinstance(value, str) and isinstance(unit, str) and not value.endswith(unit):
        return f"does not end with the unit {unit} of its slider"
    if "sliderMin" in node.schema or "sliderMax" in node.schema:
        ends = (node.schema.get("sliderMin", "any"), node.schema.get("sliderMax", "any"))
        return f"is not between {ends[0]} and {ends[1]}, as its slider is"
    return "is not what its schema asks for"


def _value(chart: ChartFiles) -> Iterator[Problem]:
    """Require a value for every property, without any context."""
    for node in chart.leaves:
        if not _lacks(chart, node) or "overwriteDefaultWith" in node.onyxia:
            continue
        if node.kind == "array" and not node.schema.get("minItems"):
            continue
        if node.kind == "array" and _item(node) is not UNDEFINED:
            continue
        message = "the value has no default, and values.yaml has none either: a launch fails"
        if node.kind == "array":
            message = "the list has minItems, but neither a default nor one for its items"
        yield Problem(message=message, path=node.schema_path)


def _lacks(chart: ChartFiles, node: Node) -> bool:
    """Whether a launch finds nothing in the schema and nothing in values.yaml."""
    if not node.kind or node.is_replaced:
        return False
    return not {"const", "default"} & node.schema.keys() and chart.file_value(node) is UNDEFINED


def _item(node: Node) -> object:
    """Require what fills a list up to its minItems."""
    items = node.schema.get("items")
    if not isinstance(items, Mapping):
        return UNDEFINED
    alone = {"type": "object", "properties": {"item": items}}
    try:
        return launch(alone, {}, {})["item"]
    except BuilderError:
        return UNDEFINED


def _context(chart: ChartFiles) -> Iterator[Problem]:
    """Require a value also where the context has none."""
    for node in chart.leaves:
        if _lacks(chart, node) and "overwriteDefaultWith" in node.onyxia and node.kind != "array":
            source = quoted(node.onyxia["overwriteDefaultWith"])
            message = f"a launch fails where {source} is undefined"
            yield Problem(message=message, hint="give it a default", path=node.schema_path)


def _given(chart: ChartFiles) -> Iterator[Problem]:
    """Require a value in values.yaml that the schema accepts, where a launch falls back to it."""
    for node in chart.leaves:
        value = chart.file_value(node)
        if value is UNDEFINED or not node.kind or {"const", "default"} & node.schema.keys():
            continue
        if not fits(node.schema, value, {}):
            message = f"the value {quoted(value)} {_why(node, value)}: a launch fails"
            yield Problem(message=message, path=node.path)


def _list(chart: ChartFiles) -> Iterator[Problem]:
    """Require options for `render: list`."""
    for node in _lists_without_options(chart):
        if "overwriteListEnumWith" not in node.onyxia:
            message = "render: list needs options: listEnum or enum"
            yield Problem(message=message, path=(*node.schema_path, "render"))


def _list_context(chart: ChartFiles) -> Iterator[Problem]:
    """Require the same of a list where the context gives nothing."""
    for node in _lists_without_options(chart):
        if "overwriteListEnumWith" in node.onyxia:
            source = quoted(node.onyxia["overwriteListEnumWith"])
            message = f"the form breaks where {source} is undefined or empty"
            path = (*node.schema_path, "render")
            yield Problem(message=message, hint="give it a listEnum too", path=path)


def _lists_without_options(chart: ChartFiles) -> Iterator[Node]:
    for node in chart.nodes:
        if node.schema.get("render") == "list" and options(node.schema, {}) is None:
            yield node


def _options(chart: ChartFiles) -> Iterator[Problem]:
    """Require options of the node's own type: the form ignores all if one is not."""
    for node in chart.nodes:
        for key in ("enum", "listEnum"):
            wrong = misfits(node.schema, key) if node.kind else []
            if wrong:
                message = f"{quoted(wrong[0])} is not of type {node.kind}: the form ignores {key}"
                yield Problem(message=message, path=(*node.schema_path, key))


# Both files.


def _differs(chart: ChartFiles) -> Iterator[Problem]:
    """Require the same default in the schema, which a launch sends, and in values.yaml."""
    for node in chart.leaves:
        value, default = chart.file_value(node), node.schema.get("default", UNDEFINED)
        if UNDEFINED not in (value, default) and not same(value, default):
            message = f"it is {quoted(value)} here, and {quoted(default)} in values.schema.json"
            hint = "a launch from the form sends the one in values.schema.json"
            yield Problem(message=message, hint=hint, path=node.path)


def _only_schema(chart: ChartFiles) -> Iterator[Problem]:
    """Note defaults that are only in the schema, which `helm install` does not read."""
    for node in chart.leaves:
        if "default" in node.schema and chart.file_value(node) is UNDEFINED:
            message = f"{node.value} has a default in values.schema.json, and no value here"
            yield Problem(message=message, path=node.path[:-1])


def _not_in_schema(chart: ChartFiles) -> Iterator[Problem]:
    """Require that the schema describes every value: it holds no other to a type."""
    others = {"global"} | {
        str(dependency.get("alias") or dependency.get("name"))
        for dependency in dependencies(chart.about)
    }
    for path in _undescribed(chart.values, resolved(chart.schema), ()):
        if path[0] not in others:
            message = "the schema does not describe it: a launch may give it any value"
            hint = "describe it with a type; x-onyxia.hidden keeps it out of the form"
            yield Problem(message=message, hint=hint, path=path)


def _undescribed(values: object, schema: object, path: Path) -> Iterator[Path]:
    """Yield the paths of values that a schema does not describe, the highest of each."""
    described = mapping(schema, "properties")
    if not isinstance(values, Mapping) or not described:
        return
    patterns = mapping(schema, "patternProperties")
    more = mapping(schema).get("additionalProperties")
    for key, value in values.items():
        if key in described:
            yield from _undescribed(value, described[key], (*path, key))
        elif not isinstance(more, Mapping) and not any(matches(one, key) for one in patterns):
            yield (*path, key)


def _own_default(chart: ChartFiles) -> Iterator[Problem]:
    """Refuse a default for an object with properties: the form takes theirs."""
    for node in chart.nodes:
        if not node.is_group:
            continue
        if "default" in node.schema:
            yield _overruled("default", (*node.schema_path, "default"))
        if "overwriteDefaultWith" in node.onyxia:
            path = (*node.schema_path, "x-onyxia", "overwriteDefaultWith")
            yield _overruled("overwriteDefaultWith", path)


def _overruled(key: str, path: Path) -> Problem:
    until = "" if key == "default" else " before the platform's next version"
    message = f"{key} is ignored{until}: the object has properties, and theirs are taken"
    return Problem(message=message, path=path)


def _readings(chart: ChartFiles) -> Iterator[Problem]:
    """Require a value that Helm (YAML 1.1) and Onyxia (YAML 1.2) read alike."""
    for path, core in chart.core_values.items():
        value = _at(chart.values, path)
        yield Problem(
            message=f"Helm reads {quoted(value)} here, and Onyxia's form {quoted(core)}",
            hint=f"write {quoted(value)}, which both read alike",
            path=path,
        )


def _at(values: Any, path: Path) -> object:
    for part in path:
        values = values[part]
    return values


def _suspend(chart: ChartFiles) -> Iterator[Problem]:
    """Require `global.suspend`, without which a service cannot be suspended."""
    above = chart.values.get("global")
    is_given = isinstance(above, Mapping) and "suspend" in above
    if chart.values and not is_given and ("global", "suspend") not in _paths(chart):
        message = "global.suspend is missing: a service cannot be suspended"
        yield Problem(message=message, hint="global: {suspend: false}, read for the replicas")


def _paths(chart: ChartFiles) -> dict[Path, Node]:
    return {node.path: node for node in chart.nodes}


def _hidden(chart: ChartFiles) -> Iterator[Problem]:
    """Require conditions on values that exist and can be so."""
    paths = _paths(chart)
    for node in chart.nodes:
        hidden = node.schema.get("hidden")
        if not isinstance(hidden, Mapping) or not isinstance(hidden.get("path"), str):
            continue
        target = tuple(hidden["path"].split("/"))
        if hidden.get("isPathRelative"):
            target = (*node.path[:-1], *target)
        path = (*node.schema_path, "hidden")
        other = paths.get(target)
        if other is None and not _is_free(target, paths):
            yield Problem(
                message=f"there is no value {quoted(hidden['path'])}: this is never hidden",
                hint=_which(hidden, target, node, paths),
                path=(*path, "path"),
            )
        elif other is not None and not _can_be(other, hidden.get("value")):
            message = f"{other.value} is never {quoted(hidden.get('value'))}: this is never hidden"
            yield Problem(message=message, path=(*path, "value"))


def _is_free(target: Path, paths: Mapping[Path, Node]) -> bool:
    """Whether a path leads into an object of any content, or a list."""
    above = [paths[target[:end]] for end in range(1, len(target)) if target[:end] in paths]
    return bool(above) and above[-1].kind in ("object", "array") and not above[-1].is_group


def _which(hidden: Mapping[str, Any], target: Path, node: Node, paths: Mapping[Path, Node]) -> str:
    """Return a hint with the value that may be meant."""
    if (*node.path[:-1], *target) in paths and not hidden.get("isPathRelative"):
        return 'the path is relative to the parent: add "isPathRelative": true'
    candidates = ["/".join(map(str, path)) for path in paths if path and ITEM not in path]
    return did_you_mean("/".join(map(str, target)).replace(".", "/"), candidates)


def _can_be(node: Node, value: object) -> bool:
    return not node.kind or same(coerced(node.schema, value, {}), value)


READINGS: Final = Rule[ChartFiles]("readings", NOTE, VALUES, _readings)
VALUE_RULES: Final[tuple[Rule[ChartFiles], ...]] = (
    Rule("no-value", FATAL, SCHEMA, _value),
    Rule("default", FATAL, SCHEMA, _default),
    Rule("list", FATAL, SCHEMA, _list),
    Rule("refused", FATAL, VALUES, _given),
    Rule("needs-context", WARNING, SCHEMA, _context),
    Rule("list-context", WARNING, SCHEMA, _list_context),
    Rule("options", WARNING, SCHEMA, _options),
    Rule("value-not-in-schema", WARNING, VALUES, _not_in_schema),
    Rule("differs", WARNING, VALUES, _differs),
    Rule("own-default", WARNING, SCHEMA, _own_default),
    Rule("hidden", WARNING, SCHEMA, _hidden),
    Rule("suspend", WARNING, VALUES, _suspend),
    Rule("only-schema", NOTE, VALUES, _only_schema),
    READINGS,
)
