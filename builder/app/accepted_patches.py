"""Says what matrix.lock records of the patches of a catalog: what somebody has looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from builder.catalog import yaml_document as documents
from builder.catalog.models import Matrix
from builder.catalog.parser import layered
from builder.catalog.yaml_document import Document
from builder.common.errors import SelectionError
from builder.common.files import write
from builder.common.hashing import canonical, digest_of
from builder.common.mappings import mapping
from builder.common.text import did_you_mean
from builder.lock import lockfile as locks
from builder.lock.pinned import AcceptedPatch
from builder.project import Project
from builder.replaced_files import lock_of
from builder.source_catalogs import MATRIX, CatalogFiles


def own_patches(files: CatalogFiles) -> Iterator[tuple[str, str]]:
    """Yield the patches that the own catalog writes, or changes, each with where it does."""
    document = _own_document(files)
    for name, patch in mapping(document.data, "patches").items():
        if patch is not None and not name.startswith("$"):
            yield name, str(document.at_key(("patches", name)))


def accepted_patches(
    project: Project,
    files: CatalogFiles,
    previous: Mapping[str, AcceptedPatch],
    again: Collection[str] = (),
) -> dict[str, AcceptedPatch]:
    """Return what is recorded of the own patches; nothing of a catalog that stands alone.

    What was accepted stays, but for patches that were edited since, and for those named `again`.
    """
    if not files.below:
        return {}
    data = layered(files.texts_of(MATRIX), MATRIX, Matrix).data
    accepted = {}
    for name, _ in own_patches(files):
        names = project.catalog.matrix.matched.get(name, ())
        digest = digest_of(canonical(data["patches"][name]))
        old = previous.get(name)
        if old is None or old.hash != digest or name in again:
            old = AcceptedPatch(matched=len(names), hash=digest, names=tuple(sorted(names)))
        accepted[name] = old
    return accepted


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
    patches = accepted_patches(project, files, lock.patches, chosen)
    write(files.own.root / locks.FILE, locks.dump(replace(lock, patches=patches)).encode())
    return chosen


def _own_document(files: CatalogFiles) -> Document:
    return documents.load(files.own.text(MATRIX), MATRIX)[0]
