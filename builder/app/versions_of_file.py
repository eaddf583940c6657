"""Finds a file as the catalogs below have it, as it was when somebody accepted it, and as ours."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.common.errors import SelectionError
from builder.common.hashing import digest_of
from builder.common.text import did_you_mean
from builder.overlay.replaced_files import lock_of
from builder.overlay.source_catalogs import CatalogFiles, SourceCatalog

_FOLDERS = ("images", "charts")


@dataclass(frozen=True, kw_only=True)
class Versions:
    """A file below: `now`, as it was `before`, and `ours`; None for one that is not there.

    `catalog` is the one below that has it, or had it. `since` says when `before` was.
    """

    path: str
    catalog: str
    now: bytes | None
    before: bytes | None
    ours: bytes | None
    since: str = "accepted"


def versions_of(
    files: CatalogFiles, path: str, kept: Path, pinned: CatalogFiles | None = None
) -> Versions:
    """Return the versions of a file, by its path in the catalog.

    `before` is the file as `pinned` has it; without that, as it was accepted: `kept` has the copies
    of catalogs among which that may be. Raises SelectionError where no catalog below has or had it.
    """
    owner, old = _owner(files, path), _owner(pinned, path) if pinned else None
    recorded = lock_of(files.own).replaces.get(path, "")
    now = (owner.root / path).read_bytes() if owner else None
    if now is None and old is None and not recorded:
        names = sorted({name for item in files.below for name in _paths(item)})
        hint = did_you_mean(path, names)
        raise SelectionError(f"no catalog below has a file {path}", hint=hint)
    if pinned:
        before = (old.root / path).read_bytes() if old else None
    elif now is not None and digest_of(now) == recorded:
        before = now
    else:
        before = _kept(kept, path, recorded)
    named = owner or old
    return Versions(
        path=path,
        catalog=named.name if named else files.below[-1].name,
        now=now,
        before=before,
        ours=(files.own.root / path).read_bytes() if files.own.has(path) else None,
        since="pinned" if pinned else "accepted",
    )


def three_way(found: Versions) -> str:
    """Return what changed below since a time, and how ours differs from what is below."""
    below = f"{found.catalog}:{found.path}"
    parts = []
    if found.before is None and found.since == "accepted":
        parts.append(f"The accepted content of {below} is not kept here: it is not compared.\n")
    elif found.before == found.now:
        parts.append(f"{below} is as it was {found.since}.\n")
    else:
        old = f"{below} ({found.since})"
        parts.append(_diff(old, found.before, f"{below} (now)", found.now))
    if found.ours is not None:
        before = found.now if found.now is not None else found.before
        label = "now" if found.now is not None else found.since
        parts.append(_diff(f"{below} ({label})", before, f"{found.path} (ours)", found.ours))
    return "\n".join(parts)


def _owner(files: CatalogFiles, path: str) -> SourceCatalog | None:
    return next((item for item in reversed(files.below) if item.has(path)), None)


def _kept(folder: Path, path: str, digest: str) -> bytes | None:
    """Return a file of a hash that one of the kept copies has."""
    for file in sorted(folder.glob(f"*/{path}")) if digest else ():
        if file.is_file() and digest_of(data := file.read_bytes()) == digest:
            return data
    return None


def _paths(catalog: SourceCatalog) -> Iterator[str]:
    for folder in _FOLDERS:
        for path in catalog.checkout.files(catalog.root / folder):
            yield path.relative_to(catalog.root).as_posix()


def _diff(old_name: str, old: bytes | None, new_name: str, new: bytes | None) -> str:
    lines = [(data or b"").decode(errors="replace").splitlines() for data in (old, new)]
    rows = difflib.unified_diff(lines[0], lines[1], old_name, new_name, lineterm="")
    return "\n".join(rows) + "\n"
