"""Changes mappings in the text of a YAML file, so that every other byte stays as it is.

The style of what is added is that of its neighbours. What comes out is read again: where it is not
what was meant, nothing is returned.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from builder.catalog import yaml_document as documents
from builder.catalog.fields import Path
from builder.common.errors import BuilderError
from builder.common.safe_yaml import SafeYaml

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*|\d{4}-\d{2}-\d{2}")
"""Texts that are written without quotes: words, and days."""
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def with_value(text: str, path: Path, value: str) -> str:
    """Return the text of a file in which the key at `path` has a value; it may be a new key.

    The mapping around it must be there. Raises BuilderError where that is not so.
    """
    mapping, key = _mapping(text, path[:-1]), str(path[-1])
    pair = _pair(mapping, key) if mapping else None
    if mapping is None:
        changed = _in_empty(text, path, f"{{{key}: {_scalar(value)}}}")
    elif pair is None:
        changed = _added(text, mapping, f"{key}: {_scalar(value)}")
    elif isinstance(pair[1], ScalarNode):
        changed = _spliced(text, _start(pair[1]), _end(pair), _like(pair[1], value))
    else:
        raise BuilderError(f"{_shown(path)} is no text that can be changed")
    return _checked(text, changed, path[:-1], lambda data: {**data, key: value})


def with_copy(text: str, path: Path, name: str, like: str) -> str:
    """Return the text of a file whose mapping at `path` ends with `name`, a copy of `like`.

    Comments of `like` are not copied. Raises BuilderError where there is no `like`.
    """
    mapping = _mapping(text, path)
    pair = _pair(mapping, like) if mapping else None
    if mapping is None or pair is None:
        raise BuilderError(f"{_shown((*path, like))} is not in this file")
    key, _ = pair
    rest = text[key.end_mark.index : _end(pair)]
    changed = _added(text, mapping, f"{_like(key, name)}{rest}")
    return _checked(text, changed, path, lambda data: {**data, name: copy.deepcopy(data[like])})


def without(text: str, path: Path) -> str:
    """Return the text of a file without the key at `path`, which need not be there.

    What is the only one in its mapping leaves `{}`.
    """
    mapping, key = _mapping(text, path[:-1]), str(path[-1])
    pair = _pair(mapping, key) if mapping else None
    if mapping is None or pair is None:
        return text
    place = mapping.value.index(pair)
    if len(mapping.value) == 1:
        changed = _spliced(text, _start(mapping), _end(mapping.value[-1]), "{}")
        if mapping.flow_style:
            changed = _spliced(text, _start(mapping), mapping.end_mark.index, "{}")
    elif not mapping.flow_style:
        begin = text.rfind("\n", 0, _start(pair[0])) + 1
        changed = _spliced(text, begin, _line_end(text, _end(pair), is_after=True), "")
    elif place:
        changed = _spliced(text, _end(mapping.value[place - 1]), _end(pair), "")
    else:
        changed = _spliced(text, _start(pair[0]), _start(mapping.value[1][0]), "")
    return _checked(
        text, changed, path[:-1], lambda data: {one: data[one] for one in data if one != key}
    )


# Nodes.


def _mapping(text: str, path: Path) -> MappingNode | None:
    """Return the mapping at a path, None where there is nothing. Raises BuilderError."""
    node: Node | None = SafeYaml().compose(text)
    for depth, key in enumerate(path):
        pair = _pair(node, str(key)) if isinstance(node, MappingNode) else None
        if pair is None:
            raise BuilderError(f"{_shown(path[: depth + 1])} is not in this file")
        node = pair[1]
    if isinstance(node, MappingNode):
        return node
    if isinstance(node, ScalarNode) and node.value in ("", "null", "~"):
        return None
    raise BuilderError(f"{_shown(path)} is no mapping")


def _pair(mapping: MappingNode, key: str) -> tuple[Node, Node] | None:
    return next((pair for pair in mapping.value if pair[0].value == key), None)


def _start(node: Node) -> int:
    return int(node.start_mark.index)


def _end(pair: tuple[Node, Node]) -> int:
    """Return where a key with its value ends, without what stands behind it in its line."""
    key, value = pair
    if isinstance(value, CollectionNode) and not value.flow_style:
        last = value.value[-1]
        return _end(last) if isinstance(value, MappingNode) else _end((key, last))
    is_empty = value.start_mark.index == value.end_mark.index
    return int(key.end_mark.index) + 1 if is_empty else int(value.end_mark.index)


# Texts.


def _added(text: str, mapping: MappingNode, entry: str) -> str:
    """Return a text with one more entry at the end of a mapping."""
    if not mapping.value:
        return _spliced(text, _start(mapping), mapping.end_mark.index, f"{{{entry}}}")
    end = _end(mapping.value[-1])
    if mapping.flow_style:
        return _spliced(text, end, end, f", {entry}")
    indent = " " * mapping.value[0][0].start_mark.column
    line = "\r\n" if "\r\n" in text else "\n"
    end = _line_end(text, end)
    begins = "" if text[end - 1 : end] == "\n" else line  # a text of several lines ends with one
    ends = line if not begins else ""
    return _spliced(text, end, end, f"{begins}{indent}{entry}{ends}")


def _in_empty(text: str, path: Path, entry: str) -> str:
    """Return a text with a mapping in place of nothing."""
    above = _mapping(text, path[:-2])
    pair = _pair(above, str(path[-2])) if above else None
    assert pair is not None
    end = int(pair[0].end_mark.index) + 1
    return _spliced(text, end, max(end, _end(pair)), f" {entry}")


def _spliced(text: str, begin: int, end: int, new: str) -> str:
    return text[:begin] + new + text[end:]


def _line_end(text: str, begin: int, *, is_after: bool = False) -> int:
    """Return where the line ends that a place is in; `is_after`: where the next one begins."""
    if text[begin - 1 : begin] == "\n":
        return begin
    end = text.find("\n", begin)
    if end < 0:
        return len(text)
    if is_after:
        return end + 1
    return end - 1 if text[end - 1 : end] == "\r" else end


def _scalar(value: str) -> str:
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _like(node: Node, value: str) -> str:
    """Return a text in the quotes that a node has, or in those that it needs."""
    quotes = node.style if isinstance(node, ScalarNode) else ""
    if quotes == "'" and "'" not in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False) if quotes == '"' else _scalar(value)


def _shown(path: Path) -> str:
    return ".".join(map(str, path))


def _checked(
    before: str, after: str, path: Path, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> str:
    """Return a changed text, if it is read as what was meant. Raises BuilderError.

    `change` makes the mapping at `path` what it should be.
    """
    meant = _changed(documents.load(before, "it")[0].data, path, change)
    document, errors = documents.load(after, "it")
    # As JSON, also the order of keys counts.
    if errors or json.dumps(document.data) != json.dumps(meant):
        raise BuilderError(f"{_shown(path)} cannot be changed in the style of this file")
    return after


def _changed(
    data: Mapping[str, Any] | None,
    path: Path,
    change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> Mapping[str, Any]:
    here = data or {}
    if not path:
        return change(here)
    return {**here, str(path[0]): _changed(here.get(str(path[0])), path[1:], change)}
