"""Push the files that a release was made from, so that other catalogs can stand on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from builder.catalog_fetch.artefact import artefact, tag_of
from builder.common.checkout import read_checkout
from builder.common.process import Runner
from builder.common.source_content import files_in
from builder.lock import lockfile
from builder.oci.reference import Reference
from builder.overlay.kept_catalogs import FoundSource, SourceFile, UnsafeSourceError, check_source
from builder.registry.interfaces import Registry
from builder.registry.release_record import CURRENT, Record


def push_source(
    store: Registry,
    repository: Reference,
    record: Record,
    root: Path,
    note: Callable[[str], object],
) -> None:
    """Push the catalog in a folder beside the record of a release, unless it was changed since.

    It has the lock of the release. Idempotent: the same release has the same artefact.
    """
    lock = SourceFile(path=lockfile.FILE, mode=0o644, data=record.lock_file)
    files = files_in(read_checkout(root, Runner()))
    found = FoundSource(
        files=(*(SourceFile(path=path, mode=mode, data=data) for path, mode, data in files), lock)
    )
    if found.content != record.source.content:
        return
    try:
        check_source(found)
    except UnsafeSourceError as error:
        note(f"other catalogs cannot stand on this release by its registry: {error}")
        return
    tag = repository.with_tag(tag_of(record.release))
    digest = store.digest(tag)
    if digest is None:
        facts = {**vars(record.source), "release": record.release}
        digest = store.put(artefact(found.files, facts), tag)
    current = repository.with_tag(tag_of(CURRENT))
    if store.digest(current) != digest:
        store.copy(repository.at(digest), current)
