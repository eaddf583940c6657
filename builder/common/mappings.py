"""Reads and merges nested mappings, such as the values of a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from builder.common.errors import BuilderError
from builder.common.limits import read_json


def json_object(text: str | bytes) -> dict[str, Any] | None:
    """Return the object that is written in JSON; None where the text is anything else.

    The text is not trusted: it is read within the limits of documents.
    """
    data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    try:
        value = read_json(data, len(data), "it")
    except BuilderError:
        return None
    return value if isinstance(value, dict) else None


def at(node: object, *path: object) -> object:
    """Return the value at a path of keys, or None."""
    for key in path:
        node = node.get(str(key)) if isinstance(node, Mapping) else None
    return node


def mapping(node: object, *path: object) -> Mapping[str, Any]:
    """Return the mapping at a path of keys, or an empty one."""
    value = at(node, *path)
    return value if isinstance(value, Mapping) else {}


def nested(path: Sequence[object], value: object) -> dict[str, Any]:
    """Return a value nested below a path of keys. A path has at least one key."""
    for key in reversed(path):
        value = {str(key): value}
    assert isinstance(value, dict)
    return value


def merged(*mappings: Mapping[str, Any]) -> dict[str, Any]:
    """Return mappings merged; later ones win, and lists are not merged."""
    result: dict[str, Any] = {}
    for part in mappings:
        for key, value in part.items():
            both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = merged(result[key], value) if both else value
    return result
