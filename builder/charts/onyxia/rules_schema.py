"""Rules about single nodes of values.schema.json."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from builder.catalog.models import Path
from builder.charts.onyxia.chart_files import ChartFiles
from builder.charts.onyxia.context import is_known, nearest, parts_of, references
from builder.charts.onyxia.finding import FATAL, NOTE, SCHEMA, WARNING, Problem, Rule
from builder.charts.onyxia.schema_nodes import DEFINITIONS, NAMED, REPLACED, Node
from builder.charts.onyxia.value_types import TYPES
from builder.common.text import did_you_mean, looks_like

RENDERS: Final = ("textArea", "password", "list", "slider")
_COMBINED = ("oneOf", "anyOf", "allOf", "not", "if")
_IGNORED = ("form", "x-form", *_COMBINED)
_ONYXIA = (
    "overwriteDefaultWith", "overwriteListEnumWith", "overwriteSchemaWith", "hidden", "readonly",
)  # fmt: skip
_LONG = 100
_INLINE_FLAG = re.compile(r"\(\?[a-zA-Z]+[):]")


def quoted(value: object) -> str:
    """Return a value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_condition(value: object) -> bool:
    if isinstance(value, Mapping):
        return "value" in value and _is_text(value.get("path"))
    return isinstance(value, bool)


def _is_expression(value: object) -> bool:
    return isinstance(value, str | list | Mapping)


# The platform refuses a schema with a wrong type here: a key, its check, and a description.
_SHAPES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "title": (_is_text, "a string"),
    "description": (_is_text, "a string"),
    "pattern": (_is_text, "a string"),
    "sliderUnit": (_is_text, "a string"),
    "sliderRangeId": (_is_text, "a string"),
    "sliderExtremitySemantic": (_is_text, "a string"),
    "sliderExtremity": (lambda value: value in ("down", "up"), "down or up"),
    "sliderMin": (_is_number, "a number"),
    "sliderMax": (_is_number, "a number"),
    "sliderStep": (_is_number, "a number"),
    "minimum": (_is_number, "a number"),
    "minItems": (_is_whole, "a whole number"),
    "maxItems": (_is_whole, "a whole number"),
    "enum": (_is_list, "a list"),
    "listEnum": (_is_list, "a list"),
    "required": (_is_list, "a list"),
    "items": (_is_mapping, "one schema"),
    "properties": (_is_mapping, "a mapping"),
    "x-onyxia": (_is_mapping, "a mapping"),
    "hidden": (_is_condition, "true, false, or a mapping with value and path"),
}
_ONYXIA_SHAPES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "overwriteDefaultWith": (_is_expression, "a string, a list or a mapping"),
    "overwriteListEnumWith": (lambda value: isinstance(value, str | list), "a string or a list"),
    "overwriteSchemaWith": (_is_text, "a string"),
}


def _kind(node: Node) -> Iterator[Problem]:
    """Require one type, as a string, or a const."""
    kind = node.schema.get("type")
    if kind is None and "const" not in node.schema:
        combined = [key for key in _COMBINED if key in node.schema]
        if not node.is_replaced and "$ref" not in node.schema:
            hint = f"{combined[0]} does not replace it" if combined else ""
            yield Problem(
                message="the node has neither a type nor a const", hint=hint, path=node.schema_path
            )
    elif kind is not None and (not isinstance(kind, str) or kind not in TYPES):
        message = f"the type {quoted(kind)} is not one of {', '.join(TYPES)}"
        yield Problem(message=message, hint="a single string", path=(*node.schema_path, "type"))


def _reference(node: Node) -> Iterator[Problem]:
    """Require that `$ref` names a definition of the same file."""
    if "$ref" in node.schema:
        name = str(node.schema["$ref"])
        message = f"$ref {quoted(name)} cannot be resolved"
        if name.startswith(DEFINITIONS):
            hint = "the definition does not exist, or contains itself"
        else:
            hint = f"write {DEFINITIONS}NAME, a definition in the same file"
        yield Problem(message=message, hint=hint, path=(*node.schema_path, "$ref"))


def _shape(node: Node) -> Iterator[Problem]:
    """Check the types of the keys that the platform reads."""
    yield from _shapes(node.schema, _SHAPES, node.schema_path)
    yield from _shapes(node.onyxia, _ONYXIA_SHAPES, (*node.schema_path, "x-onyxia"))


def _shapes(
    schema: Mapping[str, Any],
    shapes: Mapping[str, tuple[Callable[[object], bool], str]],
    schema_path: Path,
) -> Iterator[Problem]:
    for key, (is_right, words) in shapes.items():
        if key in schema and not is_right(schema[key]):
            message = f"{key} must be {words}, and is {quoted(schema[key])}"
            yield Problem(message=message, path=(*schema_path, key))


def _flag(node: Node) -> Iterator[Problem]:
    """Require that `x-onyxia.hidden` and `x-onyxia.readonly` are booleans."""
    for key in ("hidden", "readonly"):
        value = node.onyxia.get(key, False)
        if not isinstance(value, bool):
            yield Problem(
                message=f"x-onyxia.{key} must be true or false, and is {quoted(value)}",
                hint="write a condition as `hidden`, beside `type`" if key == "hidden" else "",
                path=(*node.schema_path, "x-onyxia", key),
            )


def _render(node: Node) -> Iterator[Problem]:
    """Require a `render` that the form knows."""
    render = node.schema.get("render")
    if render is not None and render not in RENDERS:
        yield Problem(
            message=f"unknown render {quoted(render)}",
            hint=did_you_mean(str(render), RENDERS),
            path=(*node.schema_path, "render"),
        )


def _pattern(node: Node) -> Iterator[Problem]:
    """Require a pattern that a browser can read."""
    pattern = node.schema.get("pattern")
    if isinstance(pattern, str) and (flag := _INLINE_FLAG.search(pattern)):
        yield Problem(
            message=f"the pattern has {flag[0]}, which browsers do not understand",
            hint="write both cases, e.g. [aA]",
            path=(*node.schema_path, "pattern"),
        )


def _ignored(node: Node) -> Iterator[Problem]:
    """Note keys that the form ignores."""
    for key in _IGNORED:
        if key in node.schema and (key not in _COMBINED or node.kind):
            yield Problem(message=f"the form ignores {key}", path=(*node.schema_path, key))
    if "useRegionSliderConfig" in node.onyxia:
        path = (*node.schema_path, "x-onyxia", "useRegionSliderConfig")
        yield Problem(message="the form ignores useRegionSliderConfig", path=path)
    if "enum" in node.schema and "listEnum" in node.schema:
        path = (*node.schema_path, "enum")
        yield Problem(message="the form shows listEnum, and ignores enum", path=path)


def _unknown(node: Node) -> Iterator[Problem]:
    """Refuse unknown keys of `x-onyxia`."""
    for key in node.onyxia:
        if key not in _ONYXIA and key != "useRegionSliderConfig":
            yield Problem(
                message=f"unknown key {quoted(key)} in x-onyxia",
                hint=did_you_mean(key, _ONYXIA),
                path=(*node.schema_path, "x-onyxia", key),
            )


def _schema_file(node: Node) -> Iterator[Problem]:
    """Require a file that the platform brings."""
    name, known = node.onyxia.get("overwriteSchemaWith"), (*REPLACED, *NAMED)
    if isinstance(name, str) and name not in known:
        yield Problem(
            message=f"the platform has no schema {quoted(name)}: it keeps the node",
            hint=did_you_mean(name, known) if looks_like(name, known) else "",
            path=(*node.schema_path, "x-onyxia", "overwriteSchemaWith"),
        )


def _variable(node: Node) -> Iterator[Problem]:
    """Require that references name existing context variables."""
    for key in ("overwriteDefaultWith", "overwriteListEnumWith"):
        for reference in references(node.onyxia[key]) if key in node.onyxia else []:
            # In the items of a list that the context fills, the keys of an item are known too.
            if is_known(reference) or (node.is_item and len(parts_of(reference)) == 1):
                continue
            yield Problem(
                message=f"there is no context variable {quoted(reference)}",
                hint=nearest(reference),
                path=(*node.schema_path, "x-onyxia", key),
            )


NODE_RULES: Final[tuple[Rule[Node], ...]] = (
    Rule("type", FATAL, SCHEMA, _kind),
    Rule("ref", FATAL, SCHEMA, _reference),
    Rule("shape", FATAL, SCHEMA, _shape),
    Rule("onyxia-flag", FATAL, SCHEMA, _flag),
    Rule("render", FATAL, SCHEMA, _render),
    Rule("pattern", FATAL, SCHEMA, _pattern),
    Rule("onyxia-key", WARNING, SCHEMA, _unknown),
    Rule("variable", WARNING, SCHEMA, _variable),
    Rule("ignored-key", NOTE, SCHEMA, _ignored),
    Rule("schema-name", NOTE, SCHEMA, _schema_file),
)


ENDS = ("down", "up")


def _sliders(chart: ChartFiles) -> Iterator[Node]:
    for node in chart.nodes:
        if {"sliderMin", "sliderExtremity"} & node.schema.keys():
            yield node


def _type(chart: ChartFiles) -> Iterator[Problem]:
    """Require a string with a unit or an empty one, or a number without a unit."""
    for node in _sliders(chart):
        unit = node.schema.get("sliderUnit")
        if node.kind and node.kind not in ("string", "number"):
            message = f"a slider must be of type string or number, not {node.kind}"
            yield Problem(message=message, path=(*node.schema_path, "type"))
        elif node.kind == "number" and unit is not None:
            message = f"a slider of type number takes no unit, and has {quoted(unit)}"
            yield Problem(message=message, path=(*node.schema_path, "sliderUnit"))


def _ends(chart: ChartFiles) -> Iterator[Problem]:
    """Require both ends of the scale, and no other render."""
    for node in _sliders(chart):
        for key in ("sliderMin", "sliderMax"):
            if key not in node.schema:
                yield Problem(message=f"the slider has no {key}", path=node.schema_path)
        render = node.schema.get("render", "slider")
        if render != "slider":
            message = f"a slider cannot be rendered as {quoted(render)}"
            yield Problem(message=message, path=(*node.schema_path, "render"))


def _no_slider(chart: ChartFiles) -> Iterator[Problem]:
    """Refuse `render: slider` on a node that is not a slider."""
    sliders = {node.schema_path for node in _sliders(chart)}
    for node in chart.nodes:
        if node.schema.get("render") == "slider" and node.schema_path not in sliders:
            message = "render: slider needs sliderMin: the form shows a plain field"
            yield Problem(message=message, path=(*node.schema_path, "render"))


def _pair(chart: ChartFiles) -> Iterator[Problem]:
    """Require exactly one lower and one upper end of a range, with the same step and unit."""
    ranges: dict[str, list[Node]] = {}
    for node in _sliders(chart):
        if "sliderExtremity" not in node.schema:
            continue
        if "sliderRangeId" not in node.schema:
            yield Problem(message="the end of a range has no sliderRangeId", path=node.schema_path)
        else:
            ranges.setdefault(str(node.schema["sliderRangeId"]), []).append(node)
    for name, members in ranges.items():
        last = members[-1]
        ends = sorted(str(node.schema["sliderExtremity"]) for node in members)
        if ends != list(ENDS):
            message = f"the range {quoted(name)} has the ends {', '.join(ends)}"
            hint = "give one node `down` and one `up`, under a sliderRangeId of their own"
            yield Problem(message=message, hint=hint, path=(*last.schema_path, "sliderRangeId"))
            continue
        for key in ("sliderStep", "sliderUnit"):
            settings = {node.schema[key] for node in members if key in node.schema}
            if len(settings) > 1:
                message = f"the ends of the range {quoted(name)} differ in {key}"
                yield Problem(message=message, path=(*last.schema_path, key))
            elif not settings and key == "sliderStep":
                message = f"neither end of the range {quoted(name)} has a sliderStep"
                yield Problem(message=message, path=last.schema_path)


def _semantic(chart: ChartFiles) -> Iterator[Problem]:
    """Require a meaning for each end of a range."""
    for node in _sliders(chart):
        if "sliderExtremity" in node.schema and "sliderExtremitySemantic" not in node.schema:
            message = "the form does not say what this end means: no sliderExtremitySemantic"
            yield Problem(message=message, path=node.schema_path)


SLIDER_RULES: Final[tuple[Rule[ChartFiles], ...]] = (
    Rule("slider-type", FATAL, SCHEMA, _type),
    Rule("slider-ends", FATAL, SCHEMA, _ends),
    Rule("slider-range", FATAL, SCHEMA, _pair),
    Rule("no-slider", WARNING, SCHEMA, _no_slider),
    Rule("slider-semantic", NOTE, SCHEMA, _semantic),
)
