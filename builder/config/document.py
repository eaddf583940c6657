"""YAML text to plain data, with the place of every key and value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from builder.errors import BuilderError, ConfigError, Location
from builder.model import Path

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, kw_only=True)
class Document:
    """A parsed file. `data` holds dicts, lists, strings, numbers, booleans and None."""

    file: str
    lines: tuple[str, ...]
    data: Any
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    raw: dict[Path, str] = field(default_factory=dict)

    def at(self, path: Path) -> Location:
        """Where the value at `path` stands, or the nearest thing around it."""
        return self._locate(path, self.values)

    def at_key(self, path: Path) -> Location:
        """Where the key of `path` stands."""
        return self._locate(path, self.keys)

    def _locate(self, path: Path, places: dict[Path, tuple[int, int]]) -> Location:
        place = places.get(path)
        while place is None and path:
            path = path[:-1]
            place = self.keys.get(path) or self.values.get(path)
        line, column = place or (1, 1)
        source = self.lines[line - 1] if line <= len(self.lines) else ""
        return Location(file=self.file, line=line, column=column, source=source)


def load(text: str, file: str) -> tuple[Document, list[BuilderError]]:
    """Parse one YAML document. The errors are of duplicate keys; broken YAML is raised."""
    lines = tuple(text.splitlines())
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Location(file=file)
        if mark is not None:
            source = lines[mark.line] if mark.line < len(lines) else ""
            place = Location(file=file, line=mark.line + 1, column=mark.column + 1, source=source)
        raise ConfigError(f"not YAML: {error.problem or error.context}", location=place) from error
    except YAMLError as error:
        raise ConfigError(f"not YAML: {error}", location=Location(file=file)) from error
    document = Document(file=file, lines=lines, data=None)
    errors: list[BuilderError] = []
    data = _construct(node, (), document, errors) if node is not None else None
    full = Document(
        file=file, lines=lines, data=data,
        values=document.values, keys=document.keys, raw=document.raw,
    )  # fmt: skip
    return full, errors


def _construct(node: Node, path: Path, document: Document, errors: list[BuilderError]) -> Any:
    document.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, MappingNode):
        return _mapping(node, path, document, errors)
    if isinstance(node, SequenceNode):
        return [
            _construct(item, (*path, index), document, errors)
            for index, item in enumerate(node.value)
        ]
    assert isinstance(node, ScalarNode)
    document.raw[path] = node.value
    return _scalar(node)


def _mapping(
    node: MappingNode, path: Path, document: Document, errors: list[BuilderError]
) -> dict[Any, Any]:
    data: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        # No file of a catalog has a key that is not text: `3.10` would silently become 3.1.
        key = str(key_node.value)
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        inner = (*path, key)
        place = Location(
            file=document.file, line=line, column=column, source=document.lines[line - 1]
        )
        if key in data:
            hint = f"it stands already on line {document.keys[inner][0]}"
            errors.append(ConfigError(f"duplicate key {key!r}", hint=hint, location=place))
            continue
        if isinstance(key_node, ScalarNode) and isinstance(_scalar(key_node), int | float):
            errors.append(
                ConfigError(
                    f"{key} is a number here, and a key must be a string",
                    hint=f'quote it: "{key}"',
                    location=place,
                )
            )
        document.keys[inner] = (line, column)
        data[key] = _construct(value_node, inner, document, errors)
        if value_node.start_mark.index == value_node.end_mark.index:  # there is nothing
            document.values[inner] = (line, column)
    return data


def _scalar(node: ScalarNode) -> Any:
    """The value of a plain scalar; dates stay text, as the field's own check reads them."""
    text, kind = node.value, str(node.tag).removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in {"true", "yes", "on"}
    try:
        if kind == "int":
            return int(text.replace("_", ""), 0)
        if kind == "float":
            return float(text.replace("_", ""))
    except ValueError:
        return text
    return text
