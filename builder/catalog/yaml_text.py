"""Changes the text of a YAML file, so that every other byte stays as it is.

The style of what is added is that of its neighbours. What comes out is read again: where it is not
what was meant, nothing is returned. A path may have numbers, for elements of lists.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from builder.catalog import yaml_document as documents
from builder.catalog.fields import Path
from builder.common.errors import BuilderError, ConfigError
from builder.common.safe_yaml import SafeYaml
from builder.common.yaml_writer import key_text, scalar

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*|\d{4}-\d{2}-\d{2}")
"""Texts that are written without quotes: words, and days."""
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}

_Pair = tuple[Node, Node]
"""A key with its value. An element of a list is both."""


def with_value(text: str, path: Path, value: object) -> str:
    """Return the text of a file in which the key at `path` has a value; it may be a new key.

    What is no text is written on one line. The collection around it must be there. Raises
    BuilderError where that is not so.
    """
    around, key = _collection(text, path[:-1]), path[-1]
    pair = _pair(around, key) if around else None
    if around is None:
        changed = _in_empty(text, path, f"{{{_written(str(key))}: {_written(value)}}}")
    elif pair is not None:
        changed = _replaced(text, pair, value)
    elif isinstance(around, MappingNode):
        changed = _added(text, around, f"{_written(str(key))}: {_written(value)}")
    else:
        raise BuilderError(f"{_shown(path)} is not in this file")
    return _checked(text, changed, path[:-1], lambda data: _put(data, key, value))


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


def with_entry(
    text: str, file: str, path: tuple[str, str], value: object, comment: Sequence[str]
) -> str:
    """Return the text with one more entry, last in a section, on one line below a comment.

    The section is made where there is none. Raises ConfigError where it has the entry already, or
    is not written as a block.
    """
    section, name = path
    entry = f"{key_text(name)}: {_written(value)}"
    lines = [*(f"# {line}" for line in comment), entry]
    document, _ = documents.load(text, file)
    if path in document.keys:
        raise ConfigError(
            f"{section} has {name!r} already",
            hint=f"merge it by hand with what is below: {entry}",
            location=document.at_key(path),
        )
    top = _mapping(text, ())
    pair = _pair(top, section) if top else None
    mapping = _mapping(text, (section,)) if pair else None
    if top is not None and pair is None and not top.flow_style:
        changed = _with_lines(text, top, [f"{section}:", *(f"  {line}" for line in lines)])
    elif mapping is not None and mapping.value and not mapping.flow_style:
        changed = _with_lines(text, mapping, lines)
    elif pair is not None and not (mapping and mapping.value):
        changed = _with_first_lines(text, pair, [f"  {line}" for line in lines])
    else:
        raise ConfigError(
            f"{section!r} is written in braces: {name!r} cannot be added to it",
            hint=f"write it as a block; or add this to it: {entry}",
            location=document.at_key((section,)),
        )
    return _checked(text, changed, (section,), lambda data: {**data, name: value})


def without(text: str, path: Path) -> str:
    """Return the text of a file without what is at `path`, which need not be there.

    The comment directly above it goes with it, unless that is above the first of several. What is
    the only one in its collection leaves `{}` or `[]`.
    """
    around, key = _collection(text, path[:-1]), path[-1]
    pair = _pair(around, key) if around else None
    if around is None or pair is None:
        return text
    pairs = _pairs(around)
    place = pairs.index(pair)
    line = text.rfind("\n", 0, _start(pair[0])) + 1
    is_behind_dash = isinstance(around, MappingNode) and bool(text[line : _start(pair[0])].strip())
    if len(pairs) == 1:
        end = around.end_mark.index if around.flow_style else _end(pair)
        empty = "{}" if isinstance(around, MappingNode) else "[]"
        changed = _spliced(text, _start(around), end, empty)
    elif not around.flow_style and not is_behind_dash:
        begin = _comment_begin(text, line) if place else line
        changed = _spliced(text, begin, _line_end(text, _end(pair), is_after=True), "")
    elif place:
        changed = _spliced(text, _end(pairs[place - 1]), _end(pair), "")
    else:
        changed = _spliced(text, _start(pair[0]), _start(pairs[1][0]), "")
    return _checked(text, changed, path[:-1], lambda data: _put_out(data, key))


# Nodes.


def _collection(text: str, path: Path) -> CollectionNode | None:
    """Return the collection at a path, None where there is nothing. Raises BuilderError."""
    node: Node | None = SafeYaml().compose(text)
    for depth, key in enumerate(path):
        pair = _pair(node, key) if isinstance(node, CollectionNode) else None
        if pair is None:
            raise BuilderError(f"{_shown(path[: depth + 1])} is not in this file")
        node = pair[1]
    if isinstance(node, CollectionNode):
        return node
    if isinstance(node, ScalarNode) and node.value in ("", "null", "~"):
        return None
    raise BuilderError(f"{_shown(path) or 'this file'} is no mapping")


def _mapping(text: str, path: Path) -> MappingNode | None:
    """Return the mapping at a path, None where there is nothing. Raises BuilderError."""
    node = _collection(text, path)
    if node is None or isinstance(node, MappingNode):
        return node
    raise BuilderError(f"{_shown(path)} is no mapping")


def _pairs(around: CollectionNode) -> list[_Pair]:
    is_list = isinstance(around, SequenceNode)
    return [(one, one) for one in around.value] if is_list else list(around.value)


def _pair(around: CollectionNode, key: str | int) -> _Pair | None:
    pairs = _pairs(around)
    if isinstance(around, SequenceNode):
        return pairs[key] if isinstance(key, int) and key < len(pairs) else None
    return next((pair for pair in pairs if pair[0].value == str(key)), None)


def _start(node: Node) -> int:
    return int(node.start_mark.index)


def _end(pair: _Pair) -> int:
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
    if mapping.flow_style:
        end = _end(mapping.value[-1])
        return _spliced(text, end, end, f", {entry}")
    return _with_lines(text, mapping, [entry])


def _with_lines(text: str, mapping: MappingNode, lines: Sequence[str]) -> str:
    """Return a text with more lines at the end of a mapping that is a block."""
    indent = " " * mapping.value[0][0].start_mark.column
    newline = _newline(text)
    added = newline.join(f"{indent}{line}" for line in lines)
    end = _line_end(text, _end(mapping.value[-1]))
    if text[end - 1 : end] == "\n":  # a text of several lines ends with one
        return _spliced(text, end, end, f"{added}{newline}")
    return _spliced(text, end, end, f"{newline}{added}")


def _with_first_lines(text: str, pair: _Pair, lines: Sequence[str]) -> str:
    """Return a text with lines below a key, in place of its empty value."""
    begin = int(pair[0].end_mark.index) + 1
    end = max(begin, _end(pair))
    behind = _line_end(text, end)
    added = "".join(f"{_newline(text)}{line}" for line in lines)
    return text[:begin] + text[end:behind] + added + text[behind:]


def _replaced(text: str, pair: _Pair, value: object) -> str:
    """Return a text with another value of a key, on one line. What is behind the key stays."""
    key, old = pair
    if isinstance(old, ScalarNode):
        begin, end = _start(old), _end(pair)
        if begin == old.end_mark.index:
            return _spliced(text, end, end, f" {_written(value)}")
        if text[end - 1 : end] == "\n":  # a text of several lines ends with one
            end = len(text[:end].rstrip("\r\n"))
        return _spliced(text, begin, end, _like(old, value))
    if key is old or (isinstance(old, CollectionNode) and old.flow_style):
        return _spliced(text, _start(old), _end(pair), _written(value))
    colon = int(key.end_mark.index) + 1
    behind = text[colon : _line_end(text, colon)]
    return _spliced(text, colon, _end(pair), f" {_written(value)}{behind}")


def _in_empty(text: str, path: Path, entry: str) -> str:
    """Return a text with a mapping in place of nothing."""
    above = _collection(text, path[:-2])
    pair = _pair(above, path[-2]) if above else None
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


def _comment_begin(text: str, line: int) -> int:
    """Return where the comment begins that stands directly above a line, at its indentation."""
    indent = re.match(" *", text[line:])
    above = line
    while above:
        start = text.rfind("\n", 0, above - 1) + 1
        if not text.startswith(f"{indent[0] if indent else ''}#", start):
            break
        above = start
    return above


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _written(value: object) -> str:
    """Return a value on one line, in quotes only where it needs them."""
    if isinstance(value, dict) and value:
        items = (f"{_written(key)}: {_written(item)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple) and value:
        return f"[{', '.join(map(_written, value))}]"
    if not isinstance(value, str):
        return scalar(value)
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if is_plain else scalar(value)


def _like(node: Node, value: object) -> str:
    """Return a value in the quotes that a node has, or in those that it needs."""
    quotes = node.style if isinstance(node, ScalarNode) else ""
    if isinstance(value, str) and quotes == "'" and value.isprintable() and "'" not in value:
        return f"'{value}'"
    return scalar(value) if quotes == '"' else _written(value)


def _shown(path: Path) -> str:
    return ".".join(map(str, path))


def _checked(before: str, after: str, path: Path, change: Callable[[Any], Any]) -> str:
    """Return a changed text, if it is read as what was meant. Raises BuilderError.

    `change` makes the collection at `path` what it should be.
    """
    meant = _changed(documents.load(before, "it")[0].data, path, change)
    document, errors = documents.load(after, "it")
    # As JSON, also the order of keys counts.
    if errors or json.dumps(document.data, default=str) != json.dumps(meant, default=str):
        raise BuilderError(f"{_shown(path)} cannot be changed in the style of this file")
    return after


def _changed(data: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    if not path:
        return change({} if data is None else data)
    here = {} if data is None else data
    key = path[0]
    inner = here[int(key)] if isinstance(here, list) else here.get(str(key))
    return _put(here, key, _changed(inner, path[1:], change))


def _put(data: Any, key: str | int, value: object) -> Any:
    """Return a mapping or a list with another value of a key."""
    if isinstance(data, list):
        return [value if index == key else one for index, one in enumerate(data)]
    return {**data, str(key): value}


def _put_out(data: Any, key: str | int) -> Any:
    """Return a mapping or a list without a key."""
    if isinstance(data, list):
        return [one for index, one in enumerate(data) if index != key]
    return {name: value for name, value in data.items() if name != str(key)}
