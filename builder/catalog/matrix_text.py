"""Edits the text of matrix.yaml as its owner would: one entry, and every other line stays. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from builder.catalog import yaml_document as documents
from builder.catalog.yaml_document import Document
from builder.common.errors import ConfigError
from builder.common.yaml_writer import key_text, scalar

_MATRIX = "matrix.yaml"


def with_entry(text: str, section: str, name: str, value: object, comment: Sequence[str]) -> str:
    """Return the text with one more entry, last in a section, below a comment.

    Raises ConfigError where the section has it, or is not written as a block, one entry a line.
    """
    entry = f"{key_text(name)}: {scalar(value)}"
    document, _ = documents.load(text, _MATRIX)
    if (section, name) in document.keys:
        raise ConfigError(
            f"{section} has {name!r} already",
            hint=f"merge it by hand with what is below: {entry}",
            location=document.at_key((section, name)),
        )
    lines = text.splitlines()
    if (section,) not in document.keys:
        return "\n".join([*lines, f"{section}:", *_indented([*_comment(comment), entry], 2), ""])
    start, end = _range(document, lines, section)
    first = document.keys[section,][0]
    members = [at for path, at in document.keys.items() if len(path) == 2 and path[0] == section]
    if any(line == first for line, _ in members):
        raise ConfigError(
            f"{section!r} is written on one line: {name!r} cannot be added to it",
            hint=f"write it as a block; or add this to it: {entry}",
            location=document.at_key((section,)),
        )
    indent = members[0][1] - 1 if members else 2
    head = [f"{section}:"] if not members else lines[start : start + 1]
    added = _indented([*_comment(comment), entry], indent)
    return "\n".join([*lines[:start], *head, *lines[start + 1 : end], *added, *lines[end:], ""])


def with_section(text: str, section: str, value: object) -> str:
    """Return the text with another value of a section that it has, on one line."""
    document, _ = documents.load(text, _MATRIX)
    lines = text.splitlines()
    start, end = _range(document, lines, section)
    return "\n".join([*lines[:start], f"{section}: {scalar(value)}", *lines[end:], ""])


def _range(document: Document, lines: Sequence[str], section: str) -> tuple[int, int]:
    """Return the first line of a section, and the one after its last, without what is blank."""
    start = document.keys[section,][0] - 1
    tops = sorted(at[0] - 1 for path, at in document.keys.items() if len(path) == 1)
    end = next((line for line in tops if line > start), len(lines))
    while end > start + 1 and not lines[end - 1].split("#")[0].strip():
        end -= 1
    return start, end


def _comment(lines: Sequence[str]) -> list[str]:
    return [f"# {line}" for line in lines]


def _indented(lines: Sequence[str], indent: int) -> list[str]:
    return [f"{' ' * indent}{line}" for line in lines]
