"""The lock of a catalog that stands on others: theirs, and over it its own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from builder.catalog import yaml_document as documents
from builder.catalog.renaming import SECTIONS, names_by_as
from builder.common.errors import BuilderError, reading
from builder.lock import lockfile as locks
from builder.lock.inherited import called_otherwise, laid_over, without_inherited, without_names
from builder.lock.lockfile import Lock
from builder.overlay.replaced_files import lock_of, replaced_files, to_record
from builder.overlay.source_catalogs import MATRIX, CatalogFiles, SourceCatalog


def lock_in_force(files: CatalogFiles, origin: str, errors: list[BuilderError]) -> Lock | None:
    """Return what the catalogs below have, and over it what the own file has; None for nothing.

    Where `origin` is not `inherit`, the own file counts alone. What is wrong is added to `errors`.
    """
    catalogs = files.catalogs if origin == "inherit" else (files.own,)
    try:
        found = [_lock_here(files, item) for item in catalogs if item.has(locks.FILE)]
    except BuilderError as error:
        errors.append(error)
        return None
    if not found and not files.pins:
        return None
    if not files.own.has(locks.FILE):
        found.append(Lock())
    names = [item.name for item in files.below]
    pins = {**found[-1].upstreams, **files.pins}
    upstreams = {name: pin for name, pin in pins.items() if name in names}
    return replace(laid_over(found), upstreams=upstreams)


def inherited_lock(files: CatalogFiles) -> Lock:
    """Return what the catalogs below have locked."""
    return laid_over(_lock_here(files, item) for item in files.below)


def own_lock(files: CatalogFiles, lock: Lock, keeps: Collection[str] | None = ()) -> Lock:
    """Return what is to be written of a lock into the own file: all but what is inherited.

    The targets `keeps` are locked here, whatever is below; None: everything is.
    """
    if files.below and keeps is not None:
        lock = without_inherited(lock, inherited_lock(files), keeps)
    return replace(lock, replaces=to_record(replaced_files(files)))


def _lock_here(files: CatalogFiles, catalog: SourceCatalog) -> Lock:
    """Return the lock of a catalog, by the names that those above give its images and charts."""
    lock = without_names(lock_of(catalog), catalog.left_out)
    for above in files.catalogs[files.catalogs.index(catalog) + 1 :]:
        with reading(f"{above.label}{MATRIX}"):
            document, _ = documents.load(above.text(MATRIX), f"{above.label}{MATRIX}")
        names = {section: names_by_as(document.data, section) for section in SECTIONS}
        if any(names.values()):
            lock = called_otherwise(lock, **names)
    return lock
