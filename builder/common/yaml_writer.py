"""Writes YAML that readers of YAML 1.1 and 1.2 read alike. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.representer import SafeRepresenter

from builder.common.safe_yaml import SafeYaml
from builder.common.yaml_scalars import helm_scalar

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# Characters that YAML takes for line ends, or refuses, and that JSON does not escape.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class Inline:
    """Marks a value that is written as JSON on one line, whatever it holds."""

    value: object


class Block(str):
    """A text of several lines, such as a script, that is written line by line."""

    __slots__ = ()


class _Quoting(SafeRepresenter):
    """Quotes a text that Helm and Kubernetes would read as a number or a boolean.

    The quotes are ruamel's own, single ones: other quotes would give every chart a new version.
    """

    def represent_str(self, data: str) -> Any:
        style = None if helm_scalar(data) == data else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    def represent_block(self, data: Block) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|")


_Quoting.add_representer(str, _Quoting.represent_str)
_Quoting.add_representer(Block, _Quoting.represent_block)


def emitter(*, is_sorted: bool = True) -> SafeYaml:
    """Return an emitter that writes data as blocks, each text but a Block on one line."""
    yaml = SafeYaml()
    yaml.Representer = _Quoting
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = is_sorted  # type: ignore[assignment]
    yaml.width = 1 << 30  # ruamel breaks a line after a backslash, and a space comes to be there
    return yaml


def scalar(value: object) -> str:
    """Return a value as JSON that is one line of YAML, the same to every reader."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def key_text(text: str) -> str:
    """Return a key as it stands in YAML: plain where every reader takes it for this text."""
    return text if _PLAIN.fullmatch(text) and helm_scalar(text) == text else scalar(text)


def no_comment(_path: tuple[str, ...]) -> Iterable[str]:
    """Return no lines, for a file without comments."""
    return ()


def block(
    node: object,
    *,
    indent: str = "",
    comment: Callable[[tuple[str, ...]], Iterable[str]] = no_comment,
    path: tuple[str, ...] = (),
) -> Iterator[str]:
    """Yield the lines of a mapping or a list, as blocks whose scalars are JSON.

    `comment` returns the lines above a key, by its path; they are indented as the key is, and an
    empty one is left empty. A collection that is empty or `Inline` is written on one line.
    """
    if isinstance(node, Mapping):
        for name, child in node.items():
            key_path = (*path, str(name))
            yield from (f"{indent}{line}" if line else "" for line in comment(key_path))
            head = f"{indent}{key_text(str(name))}:"
            if _is_block(child):
                yield head
                yield from block(child, indent=f"{indent}  ", comment=comment, path=key_path)
            else:
                yield f"{head} {_inline(child)}"
    elif isinstance(node, list | tuple):
        for element in node:
            if _is_block(element):
                first, *rest = block(element, indent=f"{indent}  ", comment=comment, path=path)
                yield f"{indent}- {first[len(indent) + 2 :]}"
                yield from rest
            else:
                yield f"{indent}- {_inline(element)}"


def _is_block(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple) and len(value) > 0


def _inline(value: object) -> str:
    return scalar(value.value if isinstance(value, Inline) else value)
