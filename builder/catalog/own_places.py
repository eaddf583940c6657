"""Gives a mistake in a catalog that another one stands on a place in that other one.

Who keeps a catalog cannot edit the files of those below: they are told what of their own files
makes them count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.catalog import yaml_document as documents
from builder.common.errors import BuilderError, Location, flat, raise_all

_MATRIX = "matrix.yaml"
_TOLD = "this catalog stands on"


@contextmanager
def own_places(root: Path) -> Iterator[None]:
    """Raise what is raised, each mistake as `with_own_places` has it."""
    try:
        yield
    except BuilderError as error:
        raise_all(with_own_places(root, [error]))


def with_own_places(root: Path, errors: Iterable[BuilderError]) -> list[BuilderError]:
    """Return mistakes; the hint of each that is below the catalog in `root` names a place in it."""
    found = flat(errors)
    below = [error for error in found if _is_below(root, error)]
    place = _place(root) if below else None
    return [_with_place(error, place) if place and error in below else error for error in found]


def _is_below(root: Path, error: BuilderError) -> bool:
    """Whether a place is in a file that the catalog does not have itself, and no place is told."""
    if error.location is None or _TOLD in error.hint:
        return False
    return not (root / error.location.file).exists()


def _place(root: Path) -> Location | None:
    """Return where the catalog says what it stands on; None where that cannot be read."""
    try:
        text = (root / _MATRIX).read_text(encoding="utf-8")
        document, _ = documents.load(text, _MATRIX)
    except (BuilderError, OSError, UnicodeError):
        return None
    return document.at_key(("extends",)) if ("extends",) in document.keys else None


def _with_place(error: BuilderError, place: Location) -> BuilderError:
    """Return the same error with a longer hint; it may be raised again, of another catalog."""
    file = error.location.file if error.location else ""
    name = file.partition(":")[0] if ":" in file else "another one"
    same = error.__class__.__new__(error.__class__, *error.args)
    vars(same).update(vars(error))
    begin = f"{error.hint}; " if error.hint else ""
    same.hint = f"{begin}{_TOLD} {name} at {place}"
    return same
