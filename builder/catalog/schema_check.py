"""Data against a schema: every mistake as an error with its place and a hint."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from builder.catalog.models import Path
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, ConfigError
from builder.common.text import did_you_mean

_KINDS = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "string_type": "a string",
    "bool_type": "true or false",
    "int_type": "a whole number",
}
OWN = "x-"
Spec = TypeVar("Spec", bound=BaseModel)


def validate(document: Document, spec: type[Spec]) -> tuple[Spec | None, list[BuilderError]]:
    """The document as `spec`, or None and what is wrong with it.

    Keys at its top that begin with `x-` are the author's own, for anchors.
    """
    if not isinstance(document.data, dict):
        return None, [ConfigError("not a mapping", location=document.at(()))]
    data = {key: value for key, value in document.data.items() if not key.startswith(OWN)}
    try:
        return spec.model_validate(data, by_alias=True, by_name=False), []
    except ValidationError as error:
        return None, [_explain(document, spec, item) for item in error.errors()]


def _explain(document: Document, spec: type[BaseModel], item: Any) -> BuilderError:
    path: Path = tuple(item["loc"])
    kind, message, hint = item["type"], item["msg"], ""
    # pydantic marks a mistake in a key itself by a last part of its own.
    is_key = bool(path) and path[-1] == "[key]"
    bare = path[:-1] if is_key else path
    if kind == "extra_forbidden":
        hint = did_you_mean(str(path[-1]), _fields(spec, path[:-1]))
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
        message = f"{_shown(bare)} must be {_KINDS[kind]}"
    else:
        message = f"{_shown(bare)}: {message[0].lower()}{message[1:]}"
    location = document.at_key(bare) if is_key else document.at(path)
    return ConfigError(message, hint=hint, location=location)


def _shown(path: Path) -> str:
    return ".".join(str(part) for part in path) or "the file"


def _fields(spec: type[BaseModel], path: Path) -> list[str]:
    """The keys that may stand in the mapping at `path`."""
    schema = spec.model_json_schema(by_alias=True)
    node: Any = schema
    for part in path:
        inner = [node.get("properties", {}).get(part), node.get("items")]
        inner += [node.get("additionalProperties"), *node.get("patternProperties", {}).values()]
        node = next((item for item in inner if isinstance(item, dict)), {})
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return list(node.get("properties", {}))
