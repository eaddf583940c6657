"""The JSON schema of a file that is laid over another: made of the schema of the file alone. Pure.

Every key may be left out, `null` removes what is not required, and lists and mappings have the
operators of `merge`. What is in a list is whole, as lists are replaced and added to, not merged.
With the names of a catalog, an editor completes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.catalog.constraints import ROLES
from builder.catalog.matrix import OF_ONE_CATALOG

Schema = dict[str, Any]
_WHOLE = "Whole"  # ends the name of a definition of what is in a list
_NULL: Schema = {"type": "null"}
_ORDER: Schema = {
    "$order": {
        "description": 'its names in this order; "*" is all others',
        "type": "array",
        "items": {"type": "string"},
    },
    "$replace": {"description": "true: what is below is dropped first", "const": True},
}
_CHOICE: Schema = {
    "from-catalog": {
        "description": "the catalog whose definition counts, where two have one of this name",
        "type": "string",
    }
}
_LIST_OPERATORS = {
    "{}+": "what is added at the end of `{}`",
    "+{}": "what is put first in `{}`",
    "{}-": "what is taken out of `{}`",
}
_ABOUT = ("title", "description", "default", "examples")
_KINDS = frozenset({"type", "anyOf", "$ref", "enum", "const"})
_RULE = r"^(not|from) |^[<>]=?|,"


def overlaid(schema: Schema) -> Schema:
    """Return the schema of a file that has `extends`, of that of a file without it."""
    definitions: Schema = {}
    for name, node in schema["$defs"].items():
        definitions[name] = _over(node)
        definitions[f"{name}{_WHOLE}"] = _whole(node)
    top = _over({key: value for key, value in schema.items() if key != "$defs"})
    whole = {key: _whole(schema["properties"][key]) for key in OF_ONE_CATALOG}
    top["properties"] = {**top["properties"], **whole}
    for name in ("Image", "Chart"):
        definitions[name]["properties"] |= _CHOICE
    top["required"] = ["extends"]
    return _used({"$defs": definitions, **top})


def _over(node: Schema) -> Schema:
    """Return the schema of a value that is merged with the one below."""
    if "anyOf" in node:
        return {**node, "anyOf": [_over(item) for item in node["anyOf"]]}
    if node.get("type") == "array":
        return _whole(node)
    if node.get("type") != "object":
        return dict(node)
    laid = {key: value for key, value in node.items() if key != "required"}
    if "properties" in node:
        laid["properties"] = dict(_fields(node["properties"], node.get("required", ())))
    if "patternProperties" in node:
        laid["patternProperties"] = dict(_patterns(node["patternProperties"]))
        laid.setdefault("additionalProperties", False)
    if isinstance(node.get("additionalProperties"), dict):
        named = node["additionalProperties"]
        laid["additionalProperties"] = _nullable(_over(named))
        if (items := _list_in(named)) is not None:
            laid["patternProperties"] = {r"^(\+.*|.*[+-])$": _whole(items)}
    if laid.get("additionalProperties") is not True:
        laid["properties"] = {**laid.get("properties", {}), **_ORDER}
    return laid


def _fields(properties: Schema, required: Iterable[str]) -> Iterator[tuple[str, Schema]]:
    """Yield the fields of a mapping, and for each what changes it."""
    for key, node in properties.items():
        laid = _over(node)
        yield key, laid if key in required else _nullable(laid)
        for operator, changed in _operators(key, node):
            if operator not in properties:
                yield operator, changed


def _operators(key: str, node: Schema) -> Iterator[tuple[str, Schema]]:
    if key.endswith(("+", "-")):
        return
    if (items := _list_in(node)) is not None:
        plain = {name: value for name, value in items.items() if name in ("type", "items")}
        for form, about in _LIST_OPERATORS.items():
            yield form.format(key), {"description": about.format(key), **_whole(plain)}
    for option in _options(node):
        if option.get("type") == "object" and "properties" not in option:
            about = f"keys that `{key}` gets, whatever they are"
            yield f"{key}+", {**_over(option), "description": about}


def _patterns(patterns: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the patterns of the names of a mapping: `NAME+` gets keys, whatever they are."""
    for pattern, node in patterns.items():
        if "$ref" not in node and node.get("type") != "object":
            yield pattern, node
            continue
        yield pattern, _nullable(_over(node))
        yield f"{pattern.removesuffix('$')}\\+$", _over(node)


def _whole(node: Schema) -> Schema:
    """Return a schema that refers to what is whole."""
    whole: Schema = json.loads(json.dumps(node), object_hook=_with_whole)
    return whole


def _with_whole(node: Schema) -> Schema:
    is_reference = isinstance(node.get("$ref"), str)
    return {**node, "$ref": node["$ref"] + _WHOLE} if is_reference else node


def _options(node: Schema) -> list[Schema]:
    options: list[Schema] = node.get("anyOf", [node])
    return options


def _list_in(node: Schema) -> Schema | None:
    """Return the list that a value may be, None for one that is none."""
    return next((item for item in _options(node) if item.get("type") == "array"), None)


def _nullable(node: Schema) -> Schema:
    if _NULL in _options(node) or not _KINDS.intersection(node):
        return node  # it may be null already
    if isinstance(node.get("type"), str) and "enum" not in node:
        return {**node, "type": [node["type"], "null"]}  # a mistake in it has its own path
    rest = {key: value for key, value in node.items() if key not in _ABOUT}
    options = rest["anyOf"] if list(rest) == ["anyOf"] else [rest]
    return {**_about(node), "anyOf": [*options, _NULL]}


def _not_null(node: Schema) -> Schema:
    """Return what `_nullable` was given."""
    if "anyOf" in node:
        return {**node, "anyOf": [item for item in node["anyOf"] if item != _NULL]}
    return {**node, "type": node["type"][0]}


def _is(node: Schema, kind: str) -> bool:
    return node.get("type") in (kind, [kind, "null"])


def _about(node: Schema) -> Schema:
    """Return what a schema says to people."""
    return {key: node[key] for key in _ABOUT if key in node}


def _used(schema: Schema) -> Schema:
    """Return a schema without the definitions that nothing refers to."""
    used: set[str] = set()
    left = [{key: value for key, value in schema.items() if key != "$defs"}]
    while left:
        for name in re.findall(r"'#/\$defs/(\w+)'", str(left.pop())):
            if name not in used:
                used.add(name)
                left.append(schema["$defs"][name])
    definitions = {name: node for name, node in schema["$defs"].items() if name in used}
    return {**schema, "$defs": definitions}


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of a catalog, and those of the catalogs below that it removes.

    `axes` has the values of each axis, `values` the paths of values of charts.
    """

    axes: Mapping[str, tuple[str, ...]]
    images: tuple[str, ...]
    charts: tuple[str, ...]
    features: tuple[str, ...]
    values: tuple[str, ...]
    patches: tuple[str, ...] = ()


def with_names(schema: Schema, names: Names) -> Schema:
    """Return a schema of `overlaid` that lists the names of a catalog where one is written."""
    axes = tuple(names.axes)
    named: Schema = _with_constraints(schema, axes)
    for axis, values in names.axes.items():
        entry: Schema = {"anyOf": [{"enum": [*values, *ROLES]}, {"pattern": _RULE}]}
        named["$defs"][axis] = {"description": f"which values of {axis}", **entry}
    top = named["properties"]
    for key, known in (("images", names.images), ("charts", names.charts)):
        top[key] = _with_known(top[key], known)
    top["patches"] = _with_known(top["patches"], names.patches)
    top["axes"] = _with_known(top["axes"], axes)
    bump = named["$defs"]["Bump"]["properties"]
    bump["axes"] = _with_known(bump["axes"], axes)
    of_axes = top["axes"]["properties"]
    of_axes |= {axis: _with_known(of_axes[axis], values) for axis, values in names.axes.items()}
    texts = {
        "Image": {
            "from": (*names.images, *axes), "upstream": axes, "axes": axes, "inputs": names.images,
        },
        "Input": {"image": names.images},
        "Chart": {"image": names.images, "features": names.features},
        "Patch": {"features+": names.features, "features-": names.features},
    }  # fmt: skip
    for definition, fields in texts.items():
        for key, known in fields.items():
            _choose(named["$defs"], definition, key, {"enum": list(known)})
    for definition, key in (("Patch", "values"), ("Chart", "values"), ("Chart", "fixed")):
        for node in _fields_of(named["$defs"], definition, (key,)):
            _with_paths(node, names.values)
    return named


def _with_constraints(node: Any, axes: Iterable[str]) -> Any:
    """Return a schema whose lists of values, by axis, refer to a definition for each axis."""
    if isinstance(node, list):
        return [_with_constraints(item, axes) for item in node]
    if not isinstance(node, dict):
        return node
    inner = node.get("additionalProperties")
    if isinstance(inner, dict) and all(
        any(_is(option, kind) for option in _options(inner)) for kind in ("string", "array")
    ):
        fields = {}
        for axis in axes:
            rule = {"$ref": f"#/$defs/{axis}"}
            fields[axis] = _with_text(inner, rule)
            if "patternProperties" in node:
                fields |= {
                    form.format(axis): _with_text(
                        {"type": "array", "items": {"type": "string"}}, rule
                    )
                    for form in _LIST_OPERATORS
                }
        kept = {key: value for key, value in node.items() if key != "patternProperties"}
        properties = {**node.get("properties", {}), **fields}
        return {**kept, "properties": properties, "additionalProperties": False}
    return {key: _with_constraints(value, axes) for key, value in node.items()}


def _with_known(node: Schema, known: Iterable[str]) -> Schema:
    """Return a mapping by name that lists names; others can be added, and not be removed."""
    if "anyOf" in node:
        return {**node, "anyOf": [_with_known(item, known) for item in node["anyOf"]]}
    if not _is(node, "object"):
        return node
    others = "|".join(known).replace(".", r"\.")
    properties, patterns = dict(node.get("properties", {})), {}
    for pattern, inner in node["patternProperties"].items():
        if pattern.endswith(r"\+$"):
            patterns[pattern] = inner
            continue
        properties |= dict.fromkeys(known, inner)
        patterns[f"^(?!({others})$){pattern[1:]}" if others else pattern] = _not_null(inner)
    return {**node, "properties": properties, "patternProperties": patterns}


def _choose(definitions: Schema, definition: str, key: str, choice: Schema) -> None:
    """Have the texts of a field be one of a choice."""
    keys = (key, *(form.format(key) for form in _LIST_OPERATORS))
    for name in (definition, f"{definition}{_WHOLE}"):
        properties = definitions.get(name, {}).get("properties", {})
        properties |= {
            one: _with_text(properties[one], choice) for one in keys if one in properties
        }


def _with_text(node: Schema, choice: Schema) -> Schema:
    """Return a schema whose texts are one of a choice."""
    if _is(node, "string"):
        chosen = {**_about(node), "type": "string", **choice}
        return chosen if node["type"] == "string" else _nullable(chosen)
    changed = dict(node)
    if "anyOf" in node:
        changed["anyOf"] = [_with_text(item, choice) for item in node["anyOf"]]
    if isinstance(node.get("items"), dict):
        changed["items"] = _with_text(node["items"], choice)
    return changed


def _fields_of(definitions: Schema, definition: str, keys: Iterable[str]) -> Iterator[Schema]:
    """Yield the mappings that a field of a definition may be."""
    for name in (definition, f"{definition}{_WHOLE}"):
        properties = definitions.get(name, {}).get("properties", {})
        for key in keys:
            for option in _options(properties.get(key, {})):
                if _is(option, "object"):
                    yield option


def _with_paths(node: Schema, paths: Iterable[str]) -> None:
    """Have a mapping by the path of a value list paths; a patch changes none but these."""
    inner = node["additionalProperties"]
    found = {path: inner if isinstance(inner, dict) else {} for path in paths}
    node["properties"] = {**node.get("properties", {}), **found}
    node["additionalProperties"] = inner is True
