"""Writes files: each whole or not at all, and trees of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from builder.model import File

DOWNLOADS = "downloads"
_IGNORED = {"__pycache__", ".DS_Store"}


def write(path: Path, data: bytes, mode: int = 0o644, *, lasting: bool = True) -> bool:
    """Write a file whole or not at all, on the disk if `lasting`; whether that changed it."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
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
        if isinstance(error, OSError):  # which may not say what could not be written
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise
    return True


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` hold exactly these files, by path below it."""
    for path in walk(folder):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, data in files.items():
        write(folder / name, data, lasting=False)  # it can be derived again


def write_context(
    folder: Path, dockerfile: str, files: tuple[File, ...], downloads: Mapping[str, bytes]
) -> None:
    """Make `folder` a build context: Dockerfile, files of the recipe, and downloads by path."""
    below = {f"{DOWNLOADS}/{path}": data for path, data in downloads.items()}
    write_tree(folder, {"Dockerfile": dockerfile.encode(), **below})
    for file in files:
        write(folder / file.path, Path(file.source).read_bytes(), file.mode)


def place_file(source: Path, place: Path) -> None:
    """Make `place` a file with the content of `source`, without a copy where the disk can."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        os.link(source, place)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, place)


def walk(folder: Path) -> list[Path]:
    """The files below a folder, sorted, but those that programs leave."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not _IGNORED.intersection(path.relative_to(folder).parts)
    )
