"""Copies catalogs that were fetched into the repository of the one that stands on them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from builder.catalog import yaml_document as documents
from builder.catalog.policies import Extends
from builder.catalog.yaml_text import with_value
from builder.common import checkout
from builder.common.errors import ConfigError, Location
from builder.common.files import write
from builder.common.process import Runner
from builder.common.source_content import content_in
from builder.common.text import one_line
from builder.lock import lockfile as locks
from builder.overlay.extends import VENDORED as FOLDER
from builder.overlay.extends import read_catalogs
from builder.overlay.replaced_files import lock_of
from builder.overlay.source_catalogs import MATRIX, CatalogFiles, SourceCatalog

_FILES = (MATRIX, locks.FILE)
_FOLDERS = ("images", "charts")
_WHERE = ("git", "oci", "path", "ref")
"""Keys of `extends` that say where a catalog is."""


@dataclass(frozen=True, kw_only=True)
class Vendored:
    """A catalog that was copied, and the folder of its copy in the own repository."""

    name: str
    path: str


def vendor(files: CatalogFiles, extends: Sequence[Extends]) -> tuple[Vendored, ...]:
    """Copy each catalog that `extends` pins to `upstreams/NAME`, and stand on the copy.

    `extends` of matrix.yaml names the folders then, and matrix.lock pins the same contents. What
    these pin themselves is copied, too, and found there. All of it is done, or nothing: raises
    ConfigError where nothing is pinned, a folder is there already, or git ignores a part of it, and
    where one stands on a folder that does not come with it.
    """
    catalogs = {item.name: item for item in files.below}
    copied = {
        index: catalogs[one_line(item.default_name)]
        for index, item in enumerate(extends)
        if item.is_pinned
    }
    if not copied:
        raise ConfigError(
            "all that this catalog stands on is in folders already",
            location=Location(file=MATRIX),
        )
    root = files.own.root
    fetched = [item for item in files.below if item.is_kept]
    with _all_or_none(root) as made:
        for catalog in fetched:
            _copy(catalog, root / FOLDER / catalog.name, content_in(catalog.checkout), made)
        matrix, lock = _matrix(files.own, copied), _lock(files, copied.values())
        write(root / locks.FILE, lock)
        write(root / MATRIX, matrix)
        read_catalogs(root)
    return tuple(Vendored(name=item.name, path=f"{FOLDER}/{item.name}") for item in fetched)


@contextmanager
def _all_or_none(root: Path) -> Iterator[list[Path]]:
    """Yield a list for folders that are made; remove these, and restore files, if it fails."""
    made: list[Path] = []
    before = {name: (root / name).read_bytes() for name in _FILES if (root / name).is_file()}
    try:
        yield made
    except BaseException:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        for name, data in before.items():
            write(root / name, data)
        raise


def _copy(catalog: SourceCatalog, folder: Path, content: str, made: list[Path]) -> None:
    if folder.exists():
        raise ConfigError(f"{folder} is there already", hint="delete it, where it is an older copy")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as temporary:
        part = Path(temporary, "catalog")
        for path in _paths(catalog):
            mode = catalog.checkout.mode(path)
            data = catalog.checkout.read(path)
            write(part / path.relative_to(catalog.root), data, mode, lasting=False)
        part.rename(folder)
    made.append(folder)
    if content_in(checkout.read_checkout(folder, Runner())) != content:
        raise ConfigError(
            f"the copy of {catalog.name} in {folder} has another content",
            hint="git ignores a part of it: see what .gitignore says of its files",
        )


def _paths(catalog: SourceCatalog) -> Iterator[Path]:
    yield from (catalog.root / name for name in _FILES if catalog.has(name))
    for folder in _FOLDERS:
        yield from catalog.checkout.files(catalog.root / folder)


def _matrix(own: SourceCatalog, copied: Mapping[int, SourceCatalog]) -> bytes:
    """Return matrix.yaml with the folders in `extends`."""
    text = own.checkout.read(own.root / MATRIX).decode()
    said = documents.load(text, MATRIX)[0].data["extends"]
    for index, catalog in copied.items():
        path: tuple[str | int, ...] = ("extends", index) if isinstance(said, list) else ("extends",)
        entry = said[index] if isinstance(said, list) else said
        kept = {key: value for key, value in entry.items() if key not in _WHERE}
        where = {"name": catalog.name, "path": f"{FOLDER}/{catalog.name}"}
        text = with_value(text, path, {**where, **kept})
    return text.encode()


def _lock(files: CatalogFiles, copied: Iterable[SourceCatalog]) -> bytes:
    """Return matrix.lock with the same pins, of folders."""
    lock = lock_of(files.own)
    pins = {
        item.name: replace(files.pins[item.name], source={"path": f"{FOLDER}/{item.name}"})
        for item in copied
    }
    return locks.dump(replace(lock, upstreams={**lock.upstreams, **pins})).encode()
