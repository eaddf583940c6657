"""Keys of a catalog's files that have another name now: both names are read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder.catalog.models import Path
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, ConfigError

ANY = "*"


@dataclass(frozen=True, kw_only=True)
class RenamedKey:
    """A key of the mappings at `path`, in which ANY stands for every key."""

    path: tuple[str, ...]
    old: str
    new: str

    def __str__(self) -> str:
        return ".".join((*self.path, self.old))


RENAMED_KEYS: Mapping[str, tuple[RenamedKey, ...]] = {
    "matrix.yaml": (
        RenamedKey(path=("axes", ANY, ANY), old="line", new="release_line"),
        RenamedKey(path=("images", ANY), old="hold", new="pin"),
        RenamedKey(path=("patches", ANY), old="hold", new="pin"),
    ),
    "recipe.yaml": (),
    "chart.yaml": (),
    "feature.yaml": (),
    "upstream.yaml": (),
}
"""The renamed keys of each kind of file. `docs/upgrade.md` lists them."""


def no_note(_text: str) -> None:
    """Tell nobody."""


def with_new_names(
    document: Document, kind: str, note: Callable[[str], None] = no_note
) -> tuple[Document, list[BuilderError]]:
    """Return a document whose keys have their new names, each at its own location.

    `note` is called once for each old name. It is an error if a mapping has both names.
    """
    errors: list[BuilderError] = []
    for key in RENAMED_KEYS[kind]:
        mappings = [
            path
            for path in _matching(document.data, key.path, ())
            if (*path, key.old) in document.keys
        ]
        for path in mappings:
            if (*path, key.new) in document.keys:
                message = f"{key.old!r} is the old name of {key.new!r}, and both are here"
                location = document.at_key((*path, key.old))
                errors.append(ConfigError(message, hint=f"keep {key.new!r}", location=location))
        if mappings:
            note(_renaming_note(document, key, mappings))
            document = _renamed(document, key, mappings)
    return document, errors


def _matching(node: object, pattern: tuple[str, ...], path: Path) -> list[Path]:
    """Return the paths of the mappings that match a pattern."""
    if not isinstance(node, Mapping):
        return []
    if not pattern:
        return [path]
    return [
        match
        for name, child in node.items()
        if pattern[0] in (ANY, name)
        for match in _matching(child, pattern[1:], (*path, name))
    ]


def _renaming_note(document: Document, key: RenamedKey, mappings: list[Path]) -> str:
    location = document.at_key((*mappings[0], key.old))
    more = f", and {len(mappings) - 1} more" if len(mappings) > 1 else ""
    return f"note: {location}{more}: the key {key.old!r} is called {key.new!r} now; both are read"


def _renamed(document: Document, key: RenamedKey, mappings: list[Path]) -> Document:
    """Return a document in which the key has its new name, in the mappings at these paths."""
    old = {(*path, key.old) for path in mappings}
    size = len(key.path) + 1

    def moved(positions: Mapping[Path, Any]) -> dict[Path, Any]:
        return {
            (*path[: size - 1], key.new, *path[size:]) if path[:size] in old else path: position
            for path, position in positions.items()
        }

    def rebuilt(node: Any, path: Path) -> Any:
        if not isinstance(node, dict) or len(path) >= size:
            return node
        return {
            key.new if (*path, name) in old else name: rebuilt(child, (*path, name))
            for name, child in node.items()
        }

    return replace(
        document,
        data=rebuilt(document.data, ()),
        values=moved(document.values),
        keys=moved(document.keys),
        raw=moved(document.raw),
    )
