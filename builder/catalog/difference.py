"""Says what to lay over a document to make another one of it: the reverse of `merge`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from builder.catalog.merge import ORDER, REST

Path = tuple[str, ...]


def difference(
    below: Mapping[str, Any], above: Mapping[str, Any], path: Path = ()
) -> dict[str, Any]:
    """Return what makes `above` of `below` by the rules of `merge`; `path` is where they stand."""
    said: dict[str, Any] = {name: None for name in below if name not in above}
    for name, value in above.items():
        if name not in below:
            said[name] = value
        elif not same(below[name], value):
            said |= _changed((*path, name), below[name], value)
    if path in (("values",), ("changes",)) or (path[:1] == ("axes",) and len(path) == 2):
        said |= _order(below, above)  # the form of a chart; the first value of an axis
    return said


def same(one: object, other: object) -> bool:
    """Whether two values of documents are the same, with their types."""
    return json.dumps(one, default=str) == json.dumps(other, default=str)


def _changed(path: Path, below: Any, above: Any) -> dict[str, Any]:
    name = path[-1]
    if isinstance(below, dict) and isinstance(above, dict):
        inner = difference(below, above, path)
        return {name: inner} if inner else {}
    if isinstance(below, list) and isinstance(above, list) and name.strip("+-") == name:
        return _of_lists(name, below, above)
    if isinstance(below, dict) and above is None:
        return {name: dict.fromkeys(below)}
    return {name: above}


def _of_lists(name: str, below: Sequence[Any], above: Sequence[Any]) -> dict[str, Any]:
    """Return what takes items out of a list and adds others, or the whole list."""
    gone = [item for item in below if item not in above]
    kept = [item for item in below if item in above]
    new = [item for item in above if item not in below]
    for operator, result in ((f"{name}+", [*kept, *new]), (f"+{name}", [*new, *kept])):
        if same(result, above) and kept:
            return {
                **({f"{name}-": gone} if gone else {}),
                **({operator: new} if new else {}),
            }
    return {name: list(above)}


def _order(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return what puts the names of a mapping in order, where merging alone does not."""
    wanted = list(above)
    merged = [name for name in below if name in above] + [n for n in above if n not in below]
    if merged == wanted:
        return {}
    for length in range(1, len(wanted)):
        first = wanted[:length]
        if [*first, *(name for name in merged if name not in first)] == wanted:
            return {ORDER: first}
    return {ORDER: [*wanted, REST]}
