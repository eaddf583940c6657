"""Copies what a catalog below has, and is going to lose, into the catalog that stands on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.catalog.matrix_text import with_entry
from builder.catalog.models import Matrix
from builder.catalog.parser import layered
from builder.common.errors import ConfigError, SelectionError
from builder.common.files import write
from builder.common.text import did_you_mean
from builder.source_catalogs import MATRIX, CatalogFiles

_FEATURES = "charts/features"


@dataclass(frozen=True, kw_only=True)
class _File:
    path: str
    data: bytes
    mode: int


@dataclass(frozen=True, kw_only=True)
class KeptObject:
    """What was copied: an image, a chart or a feature, with its files."""

    kind: str
    name: str
    paths: tuple[str, ...]


def keep(
    files: CatalogFiles, names: Sequence[str], *, origin: str, own: Path
) -> tuple[KeptObject, ...]:
    """Copy images, charts and features of the catalogs below `files` into the catalog in `own`.

    `origin` says in the comment where they were last. All of them are copied, or nothing: raises
    SelectionError for a name that none has, ConfigError for one that `own` declares itself.
    """
    keeper = _Keeper(files, origin, (own / MATRIX).read_text(encoding="utf-8"))
    kept = tuple(keeper.keep(name) for name in names)
    for file in keeper.files.values():
        if (own / file.path).exists():
            raise ConfigError(
                f"{file.path} is there already: nothing was copied",
                hint="what is yours is kept as it is; take this name out of the command",
            )
    for file in keeper.files.values():
        write(own / file.path, file.data, file.mode)
    write(own / MATRIX, keeper.matrix.encode())
    return kept


class _Keeper:
    """Collects the files of what is kept, and the lines of the matrix."""

    def __init__(self, files: CatalogFiles, origin: str, matrix: str) -> None:
        self._below = CatalogFiles(catalogs=files.below)
        self._own = files.own
        self._data: Mapping[str, Any] = layered(self._below.texts_of(MATRIX), MATRIX, Matrix).data
        self._origin = origin
        self.matrix = matrix
        self.files: dict[str, _File] = {}

    def keep(self, name: str) -> KeptObject:
        """Take what has a name: an image, else a chart, else a feature."""
        for kind, section in (("image", "images"), ("chart", "charts")):
            declared = self._data.get(section) or {}
            if name in declared:
                line = declared[name] or {}
                folder = f"{section}/{line.get('recipe', name)}"
                comment = [f"Kept: catalog {self._origin} was the last that had it."]
                self.matrix = with_entry(self.matrix, section, name, line, comment)
                return KeptObject(kind=kind, name=name, paths=tuple(self._take(folder)))
        if name in self._below.folders(_FEATURES):
            paths = tuple(self._take(f"{_FEATURES}/{name}"))
            return KeptObject(kind="feature", name=name, paths=paths)
        known = [
            *(self._data.get("images") or {}),
            *(self._data.get("charts") or {}),
            *self._below.folders(_FEATURES),
        ]
        raise SelectionError(
            f"no catalog below has an image, a chart or a feature {name!r}",
            hint=did_you_mean(name, known),
        )

    def _take(self, folder: str) -> Iterator[str]:
        """Add the files of a folder, but those that are ours already, and yield their paths."""
        for name, catalog, path in self._below.walk(folder):
            shown = f"{folder}/{name}"
            if self._own.has(shown) or shown in self.files:
                continue
            data, mode = catalog.checkout.read(path), catalog.checkout.mode(path)
            self.files[shown] = _File(path=shown, data=data, mode=mode)
            yield shown
