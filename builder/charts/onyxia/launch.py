"""Computes the values that a launch from Onyxia's form sends to Helm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder.catalog.models import Path
from builder.charts.onyxia.context import UNDEFINED, resolve
from builder.charts.onyxia.schema_nodes import json_path, resolved
from builder.charts.onyxia.value_types import Context, Schema, coerced, fits, kind_of
from builder.common.errors import BuilderError, ConfigError, raise_all


def launch(schema: Schema, values: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return the values that a launch sends when nobody changes the form.

    Raises ConfigError, or Problems, where the platform's launch fails.
    """
    errors: list[BuilderError] = []
    values_sent = _value(resolved(schema), values, context, (), errors)
    raise_all(errors)
    if not isinstance(values_sent, dict):
        raise ConfigError("the launch fails: values.schema.json does not describe an object")
    return values_sent


def _value(
    node: Schema, own_value: object, context: Context, path: Path, errors: list[BuilderError]
) -> object:
    """Return the value of the first step that gives one; UNDEFINED and an error where none does."""
    if "const" in node:
        if not fits(node, node["const"], context):
            return _fails(path, "the const does not fit its own schema", errors)
        return node["const"]
    properties = node.get("properties")
    if kind_of(node) == "object" and isinstance(properties, Mapping):
        return _group(properties, own_value, context, path, errors)
    value = _overwritten(node, context)
    if value is UNDEFINED and "default" in node and fits(node, node["default"], context):
        value = node["default"]
    if value is UNDEFINED and own_value is not UNDEFINED:
        is_right = fits(node, own_value, context)
        why = "its schema refuses the value in values.yaml"
        value = own_value if is_right else _fails(path, why, errors)
    elif value is UNDEFINED and kind_of(node) == "array":
        value = _copies(node, context, path, errors)
    elif value is UNDEFINED:
        value = _fails(path, "the value has no default, and values.yaml has none either", errors)
    return value


def _fails(path: Path, why: str, errors: list[BuilderError]) -> object:
    hint = "give it a default that fits its schema"
    errors.append(ConfigError(f"the launch fails at {json_path(path)}: {why}", hint=hint))
    return UNDEFINED


def _group(
    properties: Mapping[str, Any],
    own_values: object,
    context: Context,
    path: Path,
    errors: list[BuilderError],
) -> object:
    inner = own_values if isinstance(own_values, Mapping) else {}
    sent = {
        key: _value(node, inner.get(key, UNDEFINED), context, (*path, key), errors)
        for key, node in properties.items()
        if isinstance(node, Mapping)
    }
    return {key: value for key, value in sent.items() if value is not UNDEFINED}


def _overwritten(node: Schema, context: Context) -> object:
    """Return what `overwriteDefaultWith` gives, as the node's type, or UNDEFINED."""
    onyxia = node.get("x-onyxia")
    if not isinstance(onyxia, Mapping) or "overwriteDefaultWith" not in onyxia:
        return UNDEFINED
    value = resolve(onyxia["overwriteDefaultWith"], context)
    if value is UNDEFINED:
        return UNDEFINED
    items = node.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        value = _mapped(items, value, context)
    return coerced(node, value, context)


def _mapped(items: Schema, entries: list[Any], context: Context) -> list[Any]:
    """Return mappings of the context, converted to the list's items; unchanged if one cannot be.

    A property of an item without `x-onyxia` is filled from the key of its own name.
    """
    properties = items.get("properties")
    if not isinstance(properties, Mapping) or not all(
        isinstance(entry, Mapping) for entry in entries
    ):
        return entries
    filled = {key: _named(key, node) for key, node in properties.items()}
    errors: list[BuilderError] = []
    mapped = [_group(filled, UNDEFINED, {**context, **entry}, (), errors) for entry in entries]
    return entries if errors else mapped


def _named(key: str, node: Schema) -> Schema:
    own_keys = node.get("x-onyxia")
    return {**node, "x-onyxia": {"overwriteDefaultWith": f"{{{{{key}}}}}", **(own_keys or {})}}


def _copies(node: Schema, context: Context, path: Path, errors: list[BuilderError]) -> object:
    """Return the list where nothing fills it: empty, or with as many items as it must have."""
    least = node.get("minItems", 0)
    if not least:
        return []
    items = node.get("items")
    item_errors: list[BuilderError] = []
    item = (
        _value(items, UNDEFINED, context, path, item_errors)
        if isinstance(items, Mapping)
        else UNDEFINED
    )
    if item_errors or item is UNDEFINED:
        return _fails(path, "the list has minItems, but its items have no default", errors)
    return [item] * least
