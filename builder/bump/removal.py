"""Takes a release line out of the text of matrix.yaml, with what names it there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from builder.catalog import yaml_document as documents
from builder.catalog.fields import Path
from builder.catalog.yaml_text import without
from builder.common.errors import BuilderError

_CONSTRAINTS = ("only", "requires", "exclude")


def without_line(text: str, axis: str, name: str) -> str:
    """Return the text of matrix.yaml without a release line, in its axis and in every list.

    Raises BuilderError where the axis has no other line, where a list names it alone, and where
    another file than this one has it.
    """
    lines = _data(text).get("axes", {}).get(axis) or {}
    if name not in lines:
        raise BuilderError(f"axes.{axis}.{name} is not in this file")
    if len(lines) == 1:
        raise BuilderError("it is the only line of its axis")
    text = without(text, ("axes", axis, name))
    # One after the other: the numbers in paths change with each.
    while path := next(_places(_data(text), axis, name), None):
        text = without(text, path)
    return text


def _data(text: str) -> Mapping[str, Any]:
    data: Mapping[str, Any] = documents.load(text, "matrix.yaml")[0].data
    return data


def _places(node: object, axis: str, name: str, path: Path = ()) -> Iterator[Path]:
    """Yield what is to be taken out because it names a line. Raises BuilderError."""
    if isinstance(node, list):
        for index, child in enumerate(node):
            yield from _places(child, axis, name, (*path, index))
    if not isinstance(node, dict):
        return
    for key, child in node.items():
        here = (*path, key)
        if key not in _CONSTRAINTS:
            yield from _places(child, axis, name, here)
        elif isinstance(child, list):
            for index, one in enumerate(child):
                yield from _in_constraint(one, axis, name, (*here, index))
        else:
            yield from _in_constraint(child, axis, name, here)


def _in_constraint(said: object, axis: str, name: str, path: Path) -> Iterator[Path]:
    """Yield what a constraint says of a line that goes."""
    if not isinstance(said, dict) or axis not in said:
        return
    here = (*path, axis)
    names = said[axis] if isinstance(said[axis], list) else [said[axis]]
    for index, one in enumerate(names):
        if one not in (name, f"not {name}"):
            continue
        if len(names) > 1:
            yield (*here, index)
        elif one != name:
            yield here  # all that are left are meant
        elif "exclude" in path:
            yield path  # nothing is left that it could exclude
        else:
            raise BuilderError(
                f"{'.'.join(map(str, here))} names no other line:"
                " name others there, or take out what it belongs to"
            )
