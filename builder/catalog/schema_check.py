"""Reads a document as a model: each mistake is an error with its location and a hint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from builder.catalog.fields import FileModel
from builder.catalog.models import Path
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, ConfigError
from builder.common.text import did_you_mean

_KINDS = {
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "string_type": "a string",
    "bool_type": "true or false",
    "int_type": "a whole number",
}
OWN = "x-"
Model = TypeVar("Model", bound=FileModel)


def validate(
    document: Document, model: type[Model], *, at_keys: bool = False
) -> tuple[Model | None, list[BuilderError]]:
    """Return a document as `model`, or None and what is wrong with it.

    A mistake in a value is located at the value, or at its key with `at_keys`.
    Keys at its top that begin with `x-` are the author's own, for anchors.
    """
    if not isinstance(document.data, dict):
        return None, [ConfigError("not a mapping", location=document.at(()))]
    data = {key: value for key, value in document.data.items() if not key.startswith(OWN)}
    try:
        return _adapter(cast(Any, model)).validate_python(data, by_alias=True, by_name=False), []
    except ValidationError as error:
        return None, [_explain(document, model, item, at_keys=at_keys) for item in error.errors()]


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def _explain(document: Document, model: type, item: Any, *, at_keys: bool) -> BuilderError:
    path: Path = tuple(item["loc"])
    kind, message, hint = item["type"], item["msg"], ""
    # pydantic marks a mistake in a key itself by a last part of its own.
    is_key = bool(path) and path[-1] == "[key]"
    value_path = path[:-1] if is_key else path
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        hint = did_you_mean(str(path[-1]), _fields(model, path[:-1]))
        return ConfigError(f"unknown key {path[-1]!r}", hint=hint, location=document.at_key(path))
    if kind == "missing":
        return ConfigError(
            f"{_shown(path[:-1])} lacks {str(path[-1])!r}", location=document.at_key(path[:-1])
        )
    if kind == "string_type" and isinstance(item["input"], int | float):
        raw = document.raw.get(path) or document.raw.get(path[:-1], str(item["input"]))
        message = f"{raw} is a number here, and must be a string"
        hint = f'quote it: "{raw}"'
    elif kind == "value_error":
        message = str(item["ctx"]["error"])
    elif kind == "string_pattern_mismatch":
        message = f"{item['input']!r} is not a name: it must match {item['ctx']['pattern']}"
    elif kind in _KINDS:
        message = f"{_shown(value_path)} must be {_KINDS[kind]}{_example(model, value_path)}"
    else:
        message = f"{_shown(value_path)}: {message[0].lower()}{message[1:]}".replace(
            "tuple", "list"
        )
    location = document.at_key(value_path) if is_key or at_keys else document.at(path)
    return ConfigError(message, hint=hint, location=location)


def _shown(path: Path) -> str:
    return ".".join(str(part) for part in path) or "the file"


def _fields(model: type, path: Path) -> list[str]:
    """Return the keys that the mapping at `path` may have."""
    return list(_described(model, path).get("properties", {}))


def _example(model: type, path: Path) -> str:
    """Return how the list at `path` may look, if its description has an example."""
    for example in _described(model, path).get("examples", ()):
        if isinstance(example, list):
            return f", e.g. [{', '.join(map(str, example))}]"
    return ""


@cache
def _schema(model: Any) -> Mapping[str, Any]:
    return _adapter(model).json_schema(by_alias=True)


def _described(model: type, path: Path) -> Mapping[str, Any]:
    """Return what the JSON schema of a model says of the value at `path`."""
    schema = _schema(model)
    node: Any = schema
    for part in path:
        inner = [node.get("properties", {}).get(part), node.get("items")]
        inner += [node.get("additionalProperties"), *node.get("patternProperties", {}).values()]
        node = next((item for item in inner if isinstance(item, dict)), {})
        node = next((item for item in node.get("anyOf", ()) if "$ref" in item), node)
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node if isinstance(node, dict) else {}


def is_required(model: type, path: Path) -> bool:
    """Whether the mapping around `path` must have that key."""
    return bool(path) and path[-1] in _described(model, path[:-1]).get("required", ())
