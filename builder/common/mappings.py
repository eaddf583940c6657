"""Nested mappings, such as values and manifests are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def json_object(text: str | bytes) -> dict[str, Any] | None:
    """Return the object that is written in JSON; None where the text is anything else.

    It may come from anybody, who may have nested it deeper than a parser can go.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def at(node: object, *path: object) -> object:
    """Return the value at a path of keys; None where there is none."""
    for key in path:
        node = node.get(str(key)) if isinstance(node, Mapping) else None
    return node


def mapping(node: object, *path: object) -> Mapping[str, Any]:
    """Return the mapping at a path of keys; an empty one where there is none."""
    value = at(node, *path)
    return value if isinstance(value, Mapping) else {}


def nested(path: Sequence[object], value: object) -> dict[str, Any]:
    """Return a value nested below a path of keys. A path has at least one key."""
    for key in reversed(path):
        value = {str(key): value}
    assert isinstance(value, dict)
    return value


def merged(*mappings: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings, each over those before it; lists are taken whole."""
    result: dict[str, Any] = {}
    for part in mappings:
        for key, value in part.items():
            both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = merged(result[key], value) if both else value
    return result
