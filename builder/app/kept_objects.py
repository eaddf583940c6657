"""Copies what a catalog below has, and is going to lose, into the catalog that stands on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.catalog.models import Matrix
from builder.catalog.parser import layered
from builder.catalog.yaml_text import with_entry
from builder.common.errors import SelectionError
from builder.common.files import write
from builder.common.text import did_you_mean
from builder.overlay.source_catalogs import MATRIX, CatalogFiles

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


def keep(files: CatalogFiles, names: Sequence[str]) -> tuple[KeptObject, ...]:
    """Copy images, charts and features of the catalogs below into the own one.

    What the own one has stays as it is. All of them are copied, or nothing: raises SelectionError
    for a name that none has, and ConfigError for one that the own matrix.yaml has.
    """
    own, keeper = files.own.root, _Keeper(files)
    kept = tuple(keeper.keep(name) for name in names)
    for file in keeper.files.values():
        write(own / file.path, file.data, file.mode)
    write(own / MATRIX, keeper.matrix.encode())
    return kept


class _Keeper:
    """Collects the files of what is kept, and the lines of the matrix."""

    def __init__(self, files: CatalogFiles) -> None:
        self._below = CatalogFiles(catalogs=files.below)
        self._own = files.own
        self._document = layered(self._below.texts_of(MATRIX), MATRIX, Matrix)
        self.matrix = files.own.checkout.read(files.own.root / MATRIX).decode()
        self.files: dict[str, _File] = {}

    def keep(self, name: str) -> KeptObject:
        """Take what has a name: an image, else a chart, else a feature."""
        for kind, section in (("image", "images"), ("chart", "charts")):
            declared = self._document.data.get(section) or {}
            if name in declared:
                line = declared[name] or {}
                folder = f"{section}/{line.get('recipe', name)}"
                history = self._history(section, name)
                self.matrix = with_entry(self.matrix, MATRIX, (section, name), line, history)
                return KeptObject(kind=kind, name=name, paths=tuple(self._take(folder)))
        if name in self._below.folders(_FEATURES):
            paths = tuple(self._take(f"{_FEATURES}/{name}"))
            return KeptObject(kind="feature", name=name, paths=paths)
        data = self._document.data
        named = [*(data.get("images") or ()), *(data.get("charts") or ())]
        known = dict.fromkeys((*named, *self._below.folders(_FEATURES)))
        raise SelectionError(
            f"no catalog below has an image, a chart or a feature {name!r}",
            hint=did_you_mean(name, known),
        )

    def _history(self, section: str, name: str) -> list[str]:
        """Return the comment: each place below that said something of it, the lowest first."""
        origins = self._document.origins((section, name))
        return ["Kept from below:", *(f"{item.rule} at {item.location}" for item in origins)]

    def _take(self, folder: str) -> Iterator[str]:
        """Add the files of a folder, but those that are ours already, and yield their paths."""
        for item in self._below.walk(folder):
            shown = f"{folder}/{item.name}"
            if self._own.has(shown) or shown in self.files:
                continue
            mode = item.catalog.checkout.mode(item.path)
            self.files[shown] = _File(path=shown, data=item.read(), mode=mode)
            yield shown
