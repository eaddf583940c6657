"""Writes files atomically, one or a tree of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from builder.common.limits import check_name, safe_join


def write(path: Path, data: bytes, mode: int = 0o644, *, lasting: bool = True) -> bool:
    """Write a file atomically, and return whether it changed; `lasting` waits for the disk."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    # Short: the longest name that a file may have leaves no room for more.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):  # the error may lack the name of the file
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise
    return True


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` hold exactly these files, by path below it.

    Raises StepError, before anything is written, for a name that is not below it.
    """
    for name in files:
        check_name(name, str(folder))
    _clear(folder, keep=frozenset(files))
    for name, data in files.items():
        write(safe_join(folder, name), data, lasting=False)  # it can be derived again


def with_lf(data: bytes) -> bytes:
    """Return a text whose lines end with LF, not with CR LF."""
    return data.replace(b"\r\n", b"\n")


def _clear(folder: Path, *, keep: frozenset[str]) -> None:
    """Remove all links, all files but those in `keep`, and the folders that this leaves empty."""
    for parent, folders, names in os.walk(folder, topdown=False):
        for name in (*names, *folders):
            path = Path(parent, name)
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.is_symlink() or path.relative_to(folder).as_posix() not in keep:
                path.unlink()


def place_file(source: Path, folder: Path, name: str, what: str) -> None:
    """Make `name` below `folder` a file with the content of `source`, by a link where it can be.

    Whatever the umask, a build may read it. Raises StepError for a name that is not below it.
    """
    target = safe_join(folder, name, what)
    missing = [parent for parent in target.parents if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        parent.chmod(0o755)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)
    target.chmod(0o644)
