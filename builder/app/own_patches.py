"""The patches that a catalog writes itself, beside those below, and what is accepted of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from builder.catalog import yaml_document as documents
from builder.common.errors import SelectionError
from builder.common.files import write
from builder.common.mappings import mapping
from builder.common.text import did_you_mean
from builder.lock import lockfile as locks
from builder.lock.accepted import accepted_patches
from builder.overlay.replaced_files import lock_of
from builder.overlay.source_catalogs import MATRIX, CatalogFiles
from builder.project import Project


def own_patches(files: CatalogFiles) -> Iterator[tuple[str, str]]:
    """Yield the patches that the own catalog writes, or changes, each with where it does."""
    document = documents.load(files.own.text(MATRIX), MATRIX)[0]
    for name, patch in mapping(document.data, "patches").items():
        if patch is not None and not name.startswith("$"):
            yield name, str(document.at_key(("patches", name)))


def check_patches(files: CatalogFiles, names: Iterable[str]) -> None:
    """Raise SelectionError for a name that no patch of the own catalog has."""
    known = [name for name, _ in own_patches(files)]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) if known else ""
            raise SelectionError(f"this catalog has no patch {name!r}", hint=hint)


def accept_patches(project: Project, files: CatalogFiles, names: Iterable[str]) -> tuple[str, ...]:
    """Record in matrix.lock what patches select now; return their names."""
    chosen, lock = tuple(dict.fromkeys(names)), lock_of(files.own)
    now = accepted_patches(project.catalog.matrix)
    patches = {**lock.patches, **{name: now[name] for name in chosen if name in now}}
    write(files.own.root / locks.FILE, locks.dump(replace(lock, patches=patches)).encode())
    return chosen
