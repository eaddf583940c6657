"""Find where files of a catalog use names that the catalogs below have no longer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from builder.catalog.ids import ValueId
from builder.catalog.models import Path
from builder.catalog.yaml_document import Document
from builder.common.errors import Location
from builder.diff.catalogs import REMOVED, RENAMED, CatalogChange
from builder.diff.stacks import UsedName

_KEYS: Mapping[str, frozenset[str]] = {
    "image": frozenset({"images"}),
    "chart": frozenset({"charts"}),
    "value": frozenset({"values", "fixed", "changes"}),
}
"""Mappings whose keys are names of a kind."""
_TEXTS: Mapping[str, frozenset[str]] = {
    "image": frozenset({"from", "image", "inputs", "images", "except"}),
    "chart": frozenset({"charts", "except"}),
    "recipe": frozenset({"recipe", "recipes", "except"}),
    "feature": frozenset({"features", "except"}),
}
"""Keys whose texts are names of a kind, or selectors."""
_SELECTORS = frozenset({"images", "charts", "recipes", "features", "except"})


def used_names(
    changes: Iterable[CatalogChange], documents: Sequence[Document]
) -> tuple[UsedName, ...]:
    """Return the names that went or changed below, and are still used in these files of ours."""
    found = []
    for change in changes:
        if change.what not in (REMOVED, RENAMED) or change.kind not in (
            "axis value",
            *_TEXTS,
            *_KEYS,
        ):
            continue
        name = change.name.rpartition(": ")[2] if change.kind == "value" else change.name
        places = [
            str(location)
            for document in documents
            for location in _uses(change.kind, name, document)
        ]
        if places:
            found.append(
                UsedName(
                    kind=change.kind,
                    name=name,
                    after=(change.after or "") if change.what == RENAMED else "",
                    places=tuple(dict.fromkeys(places)),
                )
            )
    return tuple(found)


def _uses(kind: str, name: str, document: Document) -> Iterator[Location]:
    chosen = ValueId(name if kind == "axis value" else "")
    axis, value = chosen.axis, chosen.value
    keys = _KEYS.get(kind, frozenset({axis} - {""}))
    texts = _TEXTS.get(kind, frozenset({axis} - {""}))
    word = value or name
    for path in document.keys:
        if len(path) > 1 and path[-1] == word and _plain(path[-2]) in keys:
            yield document.at_key(path)
    for path, text in _scalars(document.data, ()):
        key = next((_plain(part) for part in reversed(path) if isinstance(part, str)), "")
        is_named = key in texts and text == word
        if is_named or (key in _SELECTORS and _selects(kind, name, text)):
            yield document.at(path)


def _selects(kind: str, name: str, selector: str) -> bool:
    """Whether a term of a selector names it."""
    term = name if kind == "axis value" else f"{kind}={name}"
    return term in (part.strip().removeprefix("not ").strip() for part in selector.split(","))


def _plain(part: Any) -> str:
    """Return a key without the operator of a merge."""
    return str(part).lstrip("+").rstrip("+-")


def _scalars(data: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the texts of a document, each with its path."""
    if isinstance(data, dict):
        for key, item in data.items():
            yield from _scalars(item, (*path, key))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _scalars(item, (*path, index))
    elif isinstance(data, str):
        yield path, data
