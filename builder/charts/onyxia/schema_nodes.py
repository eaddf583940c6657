"""Reads a schema of values as a list of nodes with their paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from builder.catalog.models import Path
from builder.charts.onyxia.value_types import Schema, kind_of
from builder.common import limits
from builder.common.errors import ConfigError
from builder.common.patterns import with_patterns

ITEM: Final = "[]"
"""The part of a value's path that stands for any item of a list."""

DEFINITIONS = "#/definitions/"
# The schemas that the platform has for `overwriteSchemaWith`; an instance may have more.
REPLACED: Final = (
    "ide/customImage.json", "ide/extraenv.json", "ide/git.json", "ide/ingress.json",
    "ide/init.json", "ide/message.json", "ide/openshiftSCC.json", "ide/password.json",
    "ide/persistence.json", "ide/resources-gpu.json", "ide/resources.json", "ide/role.json",
    "ide/route.json", "ide/s3.json", "ide/startupProbe.json", "ide/vault.json",
    "network-policy.json", "nodeSelector-gpu.json", "nodeSelector.json", "proxy.json",
    "role-spark.json", "spark.json", "tolerations.json",
)  # fmt: skip
# Those that official charts name too, and administrators may have.
NAMED: Final = (
    "ai.json", "aiAssistant.json", "certificates.json", "ide/networking.json",
    "ide/runtimeClassName.json", "repository.json",
)  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z_$][\w$-]*")
_LEVELS = 2 * limits.DEPTH  # of a schema, each reference is one
_HERE = re.compile("#|$")
# What names another document in a schema, and how it names none, or one that every reader has.
_REFERENCES = {
    "$ref": _HERE,
    "$dynamicRef": _HERE,
    "$recursiveRef": _HERE,
    "$schema": re.compile(r"https?://json-schema\.org/(draft-0\d|draft/20\d\d-\d\d)/schema#?$"),
}


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node of a schema."""

    schema_path: Path  # its keys in values.schema.json
    path: Path  # of the value that it describes
    schema: Schema

    @property
    def onyxia(self) -> Mapping[str, Any]:
        """Return the mapping under `x-onyxia`."""
        keys = self.schema.get("x-onyxia")
        return keys if isinstance(keys, Mapping) else {}

    @property
    def kind(self) -> str:
        """Return its type, or that of its const; "" if it has neither."""
        return kind_of(self.schema)

    @property
    def is_group(self) -> bool:
        """Whether it only holds other nodes."""
        return self.kind == "object" and isinstance(self.schema.get("properties"), Mapping)

    @property
    def is_item(self) -> bool:
        """Whether it is inside a list."""
        return ITEM in self.path

    @property
    def is_replaced(self) -> bool:
        """Whether the platform replaces it by a node of its own."""
        return self.onyxia.get("overwriteSchemaWith") in REPLACED

    @property
    def value(self) -> str:
        """Return the path of its value, as it is written in a template."""
        return ".".join(str(part) for part in self.path)


def resolved(schema: Schema) -> Schema:
    """Return the schema with `#/definitions/x` resolved; a loop or a missing one stays a $ref.

    Raises ConfigError where that makes too many nodes.
    """
    result = _Resolver(schema).resolved(schema, (), 0)
    assert isinstance(result, Mapping)
    return result


class _Resolver:
    """Replaces references by what they name, and stops where that grows too large."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        definitions = root.get("definitions")
        self._definitions = definitions if isinstance(definitions, Mapping) else {}
        self._nodes = 0

    def resolved(self, node: object, above: tuple[str, ...], levels: int) -> object:
        """Return a node; `above` are the references that led to it, `levels` the nodes."""
        self._nodes += 1
        if self._nodes > limits.SCHEMA_NODES or levels > _LEVELS:
            what = "nodes" if levels <= _LEVELS else "levels"
            most = limits.SCHEMA_NODES if levels <= _LEVELS else _LEVELS
            raise ConfigError(f"the schema has more than {most:,} {what} with its references")
        levels += 1
        if isinstance(node, list):
            return [self.resolved(item, above, levels) for item in node]
        if not isinstance(node, Mapping):
            return node
        name = node.get("$ref")
        if isinstance(name, str) and name.startswith(DEFINITIONS) and name not in above:
            definition = self._definitions.get(name.removeprefix(DEFINITIONS))
            if isinstance(definition, Mapping):
                rest = {key: value for key, value in node.items() if key != "$ref"}
                return self.resolved({**rest, **definition}, (*above, name), levels)
        return {
            key: value
            if key == "definitions" and node is self._root
            else self.resolved(value, above, levels)
            for key, value in node.items()
        }


def bounded(schema: Schema) -> Schema:
    """Return a schema of anybody. Raises ConfigError where it is too large to be worked on."""
    resolved(schema)
    return with_patterns(schema)


def remote_reference(schema: object) -> str:
    """Return a reference to another document, which a reader of the schema would fetch, or ""."""
    if isinstance(schema, list):
        return next(filter(None, map(remote_reference, schema)), "")
    if not isinstance(schema, Mapping):
        return ""
    for key, is_here in _REFERENCES.items():
        if isinstance(name := schema.get(key), str) and not is_here.match(name):
            return name
    return next(filter(None, map(remote_reference, schema.values())), "")


def nodes(schema: Schema) -> Iterator[Node]:
    """Return every node of a resolved schema, from the top. A non-mapping counts as empty."""
    yield from _nodes(schema, (), ())


def _nodes(schema: object, schema_path: Path, path: Path) -> Iterator[Node]:
    node = schema if isinstance(schema, Mapping) else {}
    yield Node(schema_path=schema_path, path=path, schema=node)
    properties = node.get("properties")
    if isinstance(properties, Mapping):
        for key, inner in properties.items():
            yield from _nodes(inner, (*schema_path, "properties", key), (*path, key))
    if isinstance(node.get("items"), Mapping):
        yield from _nodes(node["items"], (*schema_path, "items"), (*path, ITEM))


def json_path(path: Path) -> str:
    """Return a path as text: `$.properties.git.items[0]["a.b"]`."""
    text = "$"
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if _PLAIN.fullmatch(part) else f'["{part}"]'
    return text
