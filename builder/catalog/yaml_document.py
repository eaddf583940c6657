"""Reads YAML as plain data, with the location of every key and value."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from builder.catalog.models import Path
from builder.common import limits
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.safe_yaml import SafeYaml
from builder.common.yaml_scalars import core_scalar, helm_scalar

_TAG = "tag:yaml.org,2002:"
_REPEATED = 100_000  # nodes that aliases may stand for in all
_LONGEST_SHOWN = 500  # characters of a line that an error shows
_ERRORS = 100  # errors of one document that are told
_KEPT = 50_000  # characters of a text whose nodes are kept


@dataclass(frozen=True, kw_only=True)
class Document:
    """A parsed file. `data` has dicts, lists, strings, numbers, booleans and None.

    `differs` has what YAML 1.2 reads, where the file was read as Helm does and Helm differs.
    """

    file: str
    lines: tuple[str, ...]
    data: Any
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    raw: dict[Path, str] = field(default_factory=dict)
    differs: dict[Path, Any] = field(default_factory=dict)

    def at(self, path: Path) -> Location:
        """Return the location of the value at `path`, or of the mapping or list around it."""
        return self._locate(path, self.values)

    def at_key(self, path: Path) -> Location:
        """Return the location of the key of `path`."""
        return self._locate(path, self.keys)

    def removed(self, path: Path) -> Location | None:
        """Return where what was at `path` is removed: nowhere, in a file of one catalog."""
        return None

    def own(self, path: Path) -> Location | None:
        """Return where the own catalog says what is at `path`: there is no other one."""
        return self.at_key(path) if path and isinstance(path[-1], str) else self.at(path)

    def called(self, section: str, name: str) -> str:
        """Return how what has this name is called here: there is no other catalog to call it so."""
        return ""

    def former_names(self, section: str, name: str) -> tuple[str, ...]:
        """Return the names by which catalogs below know it: there are none."""
        return ()

    def catalog_of(self, path: Path) -> str:
        """Return the catalog that declares what is at `path`; "" in a file of one catalog."""
        return ""

    def _locate(self, path: Path, positions: dict[Path, tuple[int, int]]) -> Location:
        position = positions.get(path)
        while position is None and path:
            path = path[:-1]
            position = self.keys.get(path) or self.values.get(path)
        return self.location(*(position or (1, 1)))

    def location(self, line: int, column: int) -> Location:
        """Return a location in the file, with the text of its line."""
        source = self.lines[line - 1] if line <= len(self.lines) else ""
        source = source if len(source) <= _LONGEST_SHOWN else ""
        return Location(file=self.file, line=line, column=column, source=source)


def load(text: str, file: str) -> tuple[Document, list[BuilderError]]:
    """Parse one YAML document. The errors are of duplicate keys; broken YAML is raised.

    Merge keys (`<<`) are applied; a key that they bring has the location where it was written.
    """
    return _load(text, file, as_helm=False)


def load_as_helm(text: str, file: str) -> tuple[Document, list[BuilderError]]:
    """Parse YAML as Helm and Kubernetes do; several documents are one, the later ones last."""
    return _load(text, file, as_helm=True)


def objects(text: str, file: str) -> list[dict[str, Any]]:
    """Return the mappings in a stream of documents, read as Kubernetes reads them.

    Raises ConfigError where the stream is not YAML, or has a key twice.
    """
    document = Document(file=file, lines=tuple(text.splitlines()), data=None)
    reader = _Reader(document, as_helm=True)
    data = [reader.construct(node, ()) for node in _nodes(text, document, several=True)]
    if reader.errors:
        raise reader.errors[0]
    return [item for item in data if isinstance(item, dict)]


def _load(text: str, file: str, *, as_helm: bool) -> tuple[Document, list[BuilderError]]:
    text = text.removeprefix("\ufeff")
    document = Document(file=file, lines=tuple(text.splitlines()), data=None)
    reader = _Reader(document, as_helm=as_helm)
    data: Any = None
    for node in _nodes(text, document, several=as_helm):
        later = reader.construct(node, ())
        are_mappings = isinstance(data, dict) and isinstance(later, dict)
        data = _merged(data, later) if are_mappings else later
    differs = {path: core for path, core in document.differs.items() if _is_scalar_at(data, path)}
    return replace(document, data=data, differs=differs), reader.errors


def _is_scalar_at(data: Any, path: Path) -> bool:
    """Whether there is still a scalar at a path, after later documents were merged."""
    for part in path:
        is_item = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if not is_item and not (isinstance(data, dict) and part in data):
            return False
        data = data[part]
    return not isinstance(data, dict | list)


def _nodes(text: str, document: Document, *, several: bool) -> list[Node]:
    """Return the documents of a text. Raises ConfigError."""
    compose = _composed_once if len(text) <= _KEPT else _composed
    try:
        return list(compose(text, several=several))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        location = Location(file=document.file)
        if mark is not None:
            location = document.location(mark.line + 1, mark.column + 1)
        message = error.problem or error.context
        if not isinstance(error, _TooLargeError):
            message = f"not YAML: {message}"
        raise ConfigError(message, location=location) from error
    except (YAMLError, ValueError, OverflowError) as error:  # ruamel trusts the numbers of escapes
        location = Location(file=document.file)
        raise ConfigError(f"not YAML: {error}", location=location) from error


def _composed(text: str, *, several: bool) -> tuple[Node, ...]:
    """Return the documents of a text. Raises what ruamel does."""
    yaml = SafeYaml()
    yaml.Composer = _Composer
    nodes = yaml.compose_all(text) if several else [yaml.compose(text)]
    return tuple(node for node in nodes if node is not None)


# The values of a chart are read to check, to compare and to package them. Nodes are only read.
_composed_once = lru_cache(maxsize=256)(_composed)


class _TooLargeError(MarkedYAMLError):
    """A document has more levels or more nodes than are read."""


class _Composer(Composer):
    """Makes nodes of a document, and stops where there are too many."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self._levels = 0
        self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node. Raises _TooLargeError."""
        self._levels += 1
        self._nodes += 1
        for number, most, name in (
            (self._levels - 1, limits.DEPTH, "levels"),
            (self._nodes, limits.NODES, "nodes"),
        ):
            if number > most:
                mark = self.parser.peek_event().start_mark
                raise _TooLargeError(None, None, _too_many(most, name), mark)
        node = super().compose_node(parent, index)
        self._levels -= 1
        return node


def _too_many(most: int, name: str) -> str:
    return f"it has more than {most:,} {name}"


class _Reader:
    """Makes data of nodes, and notes the location of each part."""

    def __init__(self, document: Document, *, as_helm: bool) -> None:
        self._document = document
        self._as_helm = as_helm
        self._open: set[int] = set()
        self._seen: set[int] = set()
        self._repeated = 0
        self.errors: list[BuilderError] = []

    def construct(self, node: Node, path: Path) -> Any:
        """Return the data of a node. Raises ConfigError where an alias cannot be followed."""
        document = self._document
        document.values[path] = _start(node)
        self._check_levels(node, len(path))
        if isinstance(node, ScalarNode):
            self._check_text(node)
            document.raw[path] = node.value
            return self._scalar(node, path)
        self._enter(node)
        if isinstance(node, MappingNode):
            data: Any = self._mapping(node, path)
        else:
            assert isinstance(node, SequenceNode)
            data = [self.construct(item, (*path, index)) for index, item in enumerate(node.value)]
        self._open.discard(id(node))
        return data

    def _check_levels(self, node: Node, levels: int) -> None:
        """Refuse aliases, or merges, that lead too deep."""
        if levels > limits.DEPTH:
            location = self._document.location(*_start(node))
            raise ConfigError(_too_many(limits.DEPTH, "levels"), location=location)

    def _enter(self, node: Node) -> None:
        """Refuse an alias of a node that contains it, and aliases that multiply."""
        location = self._document.location(*_start(node))
        if id(node) in self._open:
            raise ConfigError("an alias refers to a node that contains it", location=location)
        if id(node) in self._seen:
            self._repeated += len(node.value)
        if self._repeated > _REPEATED:
            raise ConfigError("its aliases expand to too many nodes", location=location)
        self._open.add(id(node))
        self._seen.add(id(node))

    def _mapping(self, node: MappingNode, path: Path) -> dict[Any, Any]:
        own_pairs = [pair for pair in node.value if not _is_merge(pair[0])]
        names = {self._key(key) for key, _ in own_pairs}
        data: dict[Any, Any] = {}
        for key_node, value_node in self._merge_keys(node):
            key = self._key(key_node)
            if key not in names and key not in data:
                data[key] = self._member(key_node, value_node, (*path, key))
        for key_node, value_node in own_pairs:
            key = self._key(key_node)
            location = self._document.location(*_start(key_node))
            if key in data:
                hint = f"the first one is on line {self._document.keys[(*path, key)][0]}"
                self._note(f"duplicate key {key!r}", hint, location)
                continue
            if not self._as_helm and _is_number(key_node):
                message = f"{key} is a number here, and a key must be a string"
                self._note(message, f'quote it: "{key}"', location)
            data[key] = self._member(key_node, value_node, (*path, key))
        return data

    def _note(self, message: str, hint: str, location: Location) -> None:
        if len(self.errors) < _ERRORS:
            self.errors.append(ConfigError(message, hint=hint, location=location))

    def _member(self, key_node: Node, value_node: Node, path: Path) -> Any:
        position = _start(key_node)
        self._document.keys[path] = position
        value = self.construct(value_node, path)
        if value_node.start_mark.index == value_node.end_mark.index:  # there is nothing
            self._document.values[path] = position
        return value

    def _merge_keys(self, node: MappingNode, levels: int = 0) -> Iterator[tuple[Node, Node]]:
        """Yield the keys that `<<` brings into a mapping; the first of a name counts."""
        self._check_levels(node, levels)
        for key_node, value_node in node.value:
            if not _is_merge(key_node):
                continue
            several = isinstance(value_node, SequenceNode)
            for item in value_node.value if several else [value_node]:
                if not isinstance(item, MappingNode):
                    message = "<< takes a mapping, or a list of mappings"
                    location = self._document.location(*_start(key_node))
                    raise ConfigError(message, hint="<<: *anchor", location=location)
                self._enter(item)
                yield from (pair for pair in item.value if not _is_merge(pair[0]))
                yield from self._merge_keys(item, levels + 1)
                self._open.discard(id(item))

    def _check_text(self, node: Node) -> None:
        """Refuse text that is not valid: an escape of half a character, which Go refuses too."""
        if isinstance(node, ScalarNode) and node.style == '"':
            try:
                node.value.encode()
            except UnicodeEncodeError as error:
                location = self._document.location(*_start(node))
                raise ConfigError(
                    "not YAML: an escape that is not a character", location=location
                ) from error

    def _key(self, node: Node) -> str:
        self._check_text(node)
        # No file of a catalog has a key that is not text: `3.10` would silently become 3.1.
        if not self._as_helm or not isinstance(node, ScalarNode) or node.style:
            return str(node.value)
        value = helm_scalar(node.value)
        return json.dumps(value) if isinstance(value, bool | int) else str(node.value)

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        """Return the value of a scalar; dates stay text, as the field's own check reads them."""
        text, kind = node.value, str(node.tag).removeprefix(_TAG)
        self._document.differs.pop(path, None)  # of an earlier document
        is_tagged = node.ctag.handle is not None
        if not self._as_helm:
            return _own_scalar(text, kind)
        if kind == "binary":
            return _decoded(text)
        if is_tagged:
            return helm_scalar(text) if kind in ("int", "float", "bool", "null") else text
        if node.style:
            return text
        value, core = helm_scalar(text), core_scalar(text)
        if repr(value) != repr(core):
            self._document.differs[path] = core
        return value


def _own_scalar(text: str, kind: str) -> Any:
    """Return the value of a scalar of the catalog: `yes` is text there, `0440` is octal."""
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in {"true", "yes", "on"}
    if kind in ("int", "float"):
        return helm_scalar(text)
    return text


def _start(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _is_merge(node: Node) -> bool:
    return str(node.tag) == f"{_TAG}merge"


def _is_number(node: Node) -> bool:
    kind = str(node.tag).removeprefix(_TAG)
    return isinstance(node, ScalarNode) and kind in ("int", "float")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode(errors="replace")
    except ValueError:
        return text


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return two mappings as one; what is in both is merged too, or the latter's."""
    merged = {
        key: _merged(base[key], value)
        for key, value in overrides.items()
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
    }
    return {**base, **overrides, **merged}


def without(document: Document, paths: Collection[Path]) -> Document:
    """Return a document without the keys at these paths."""
    if not paths:
        return document

    def cut(value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            return value
        kept = {key: item for key, item in value.items() if (*path, key) not in paths}
        return {key: cut(item, (*path, key)) for key, item in kept.items()}

    return replace(document, data=cut(document.data, ()))
