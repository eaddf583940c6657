"""Checks values against a node of a schema, and converts them to its type as the form does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from builder.charts.onyxia.context import UNDEFINED, as_text, resolve
from builder.common.patterns import matches

Schema = Mapping[str, Any]
Context = Mapping[str, Any]

TYPES = ("object", "array", "string", "boolean", "integer", "number")
_WORDS = {
    "true": True, "yes": True, "1": True, "on": True,
    "false": False, "no": False, "0": False, "off": False,
}  # fmt: skip
_FLOAT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")


def kind_of(node: Schema) -> str:
    """Return the type of a node, or that of its const; "" where neither is given."""
    kind = node.get("type")
    if kind is None and "const" in node:
        return type_of(node["const"])
    return kind if isinstance(kind, str) and kind in TYPES else ""


def type_of(value: object) -> str:
    """Return the type of a value in the words of a schema; "" for null."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, Mapping) else ""


def same(first: Any, second: Any) -> bool:
    """Whether two values are the same in JSON, where 1 is 1.0 and is not true."""
    if type_of(first) != type_of(second):
        return False
    if isinstance(first, Mapping):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def fits(node: Schema, value: object, context: Context) -> bool:
    """Whether a node accepts a value without converting it."""
    return same(coerced(node, value, context), value)


def coerced(node: Schema, value: object, context: Context) -> object:
    """Return the value, or the nearest one of the node's type, or UNDEFINED where there is none."""
    nearest = _coerced(node, value, context)
    choices = options(node, context)
    if nearest is UNDEFINED or choices is None or any(same(choice, nearest) for choice in choices):
        return nearest
    return UNDEFINED


def options(node: Schema, context: Context) -> list[object] | None:
    """Return the options of a select, or None for other nodes. A list of wrong types is ignored."""
    onyxia = node.get("x-onyxia")
    if isinstance(onyxia, Mapping) and "overwriteListEnumWith" in onyxia:
        choices = resolve(onyxia["overwriteListEnumWith"], context)
        coerced_choices = (
            [_coerced(node, choice, context) for choice in choices]
            if isinstance(choices, list)
            else []
        )
        if usable := [choice for choice in coerced_choices if choice is not UNDEFINED]:
            return usable
    for key in ("listEnum", "enum"):
        choices = node.get(key)
        if isinstance(choices, list) and choices and not misfits(node, key):
            return choices
    return None


def misfits(node: Schema, key: str) -> list[object]:
    """List the items of `enum` or `listEnum` that are not of the node's type."""
    choices = node.get(key)
    if not isinstance(choices, list):
        return []
    return [choice for choice in choices if not same(_coerced(node, choice, {}), choice)]


def _coerced(node: Schema, value: object, context: Context) -> object:
    return _CONVERSIONS.get(kind_of(node), _nothing)(node, value, context)


def _nothing(_node: Schema, _value: object, _context: Context) -> object:
    return UNDEFINED


def _string(node: Schema, value: object, _context: Context) -> object:
    if isinstance(value, list | Mapping):
        return UNDEFINED
    text = "" if value is None else as_text(value)
    pattern, unit = node.get("pattern"), node.get("sliderUnit")
    if isinstance(pattern, str) and not matches(pattern, text):
        return UNDEFINED
    if isinstance(unit, str):
        number = as_number(text.removesuffix(unit))
        if not text.endswith(unit) or number is None or not is_within(node, number):
            return UNDEFINED
    return text


def _boolean(_node: Schema, value: object, _context: Context) -> object:
    if isinstance(value, str):
        return _WORDS.get(value.lower(), UNDEFINED)
    return UNDEFINED if isinstance(value, list | Mapping) else bool(value)


def _number(node: Schema, value: object, _context: Context) -> object:
    number: float | None
    if isinstance(value, str):
        number = as_number(value)
    elif value is None or isinstance(value, bool):
        number = int(bool(value))
    else:
        number = value if isinstance(value, int | float) else None
    if number is None or not is_within(node, number):
        return UNDEFINED
    least = node.get("minimum")
    if isinstance(least, int | float) and number < least:
        return UNDEFINED
    return UNDEFINED if kind_of(node) == "integer" and number != int(number) else number


def _array(node: Schema, value: object, context: Context) -> object:
    if not isinstance(value, list):
        return UNDEFINED
    least, most = node.get("minItems", 0), node.get("maxItems", len(value))
    if isinstance(least, int) and isinstance(most, int) and not least <= len(value) <= most:
        return UNDEFINED
    items = node.get("items")
    if not isinstance(items, Mapping):
        return value
    coerced_items = [coerced(items, item, context) for item in value]
    return UNDEFINED if any(item is UNDEFINED for item in coerced_items) else coerced_items


def _object(node: Schema, value: object, context: Context) -> object:
    if not isinstance(value, Mapping):
        return UNDEFINED
    properties = node.get("properties")
    if not isinstance(properties, Mapping):
        return value
    if not properties.keys() <= value.keys():
        return UNDEFINED
    coerced_values = {key: coerced(inner, value[key], context) for key, inner in properties.items()}
    return (
        UNDEFINED
        if any(inner_value is UNDEFINED for inner_value in coerced_values.values())
        else coerced_values
    )


_CONVERSIONS: Mapping[str, Callable[[Schema, object, Context], object]] = {
    "string": _string, "boolean": _boolean, "integer": _number, "number": _number,
    "array": _array, "object": _object,
}  # fmt: skip


def as_number(text: str) -> float | None:
    """Return the number that a text begins with, as int if it is whole."""
    match = _FLOAT.match(text)
    if match is None:
        return None
    number = float(match[1])
    return int(number) if number.is_integer() else number


def is_within(node: Schema, number: float) -> bool:
    """Whether a number is between the ends of a slider, where there is one."""
    least, most = node.get("sliderMin"), node.get("sliderMax")
    if isinstance(least, int | float) and number < least:
        return False
    return not (isinstance(most, int | float) and number > most)
