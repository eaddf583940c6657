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
    """A file below: `now`, as it was `accepted`, and `ours`; None for one that is not there.

    `catalog` is the one below that has it, or had it.
    """

    path: str
    catalog: str
    now: bytes | None
    accepted: bytes | None
    ours: bytes | None


def versions_of(files: CatalogFiles, path: str, kept: Path) -> Versions:
    """Return the versions of a file, by its path in the catalog.

    `kept` has the copies of catalogs, among which the accepted one may be. Raises SelectionError
    where no catalog below has it, and none was accepted.
    """
    owner = _owner(files, path)
    recorded = lock_of(files.own).replaces.get(path, "")
    now = (owner.root / path).read_bytes() if owner else None
    if now is None and not recorded:
        names = sorted({name for item in files.below for name in _paths(item)})
        hint = did_you_mean(path, names)
        raise SelectionError(f"no catalog below has a file {path}", hint=hint)
    is_ours = files.own.has(path)
    return Versions(
        path=path,
        catalog=owner.name if owner else files.below[-1].name,
        now=now,
        accepted=now
        if now is not None and digest_of(now) == recorded
        else _kept(kept, path, recorded),
        ours=(files.own.root / path).read_bytes() if is_ours else None,
    )


def three_way(found: Versions) -> str:
    """Return what changed below since it was accepted, and how ours differs from what is below."""
    below = f"{found.catalog}:{found.path}"
    parts = []
    if found.accepted is None:
        parts.append(f"The accepted content of {below} is not kept here: it is not compared.\n")
    elif found.accepted == found.now:
        parts.append(f"{below} is as it was accepted.\n")
    else:
        parts.append(_diff(f"{below} (accepted)", found.accepted, f"{below} (now)", found.now))
    if found.ours is not None:
        before = found.now if found.now is not None else found.accepted
        label = "now" if found.now is not None else "accepted"
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
