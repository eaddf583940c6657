"""Keeps copies of catalogs that were fetched, by content: read-only, and checked before each use.

What is not safe to keep is refused before anything of it is written, and what was written in part
is never used.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.common import limits
from builder.common.errors import ConfigError, Location, StepError
from builder.common.files import write
from builder.common.hashing import digest_of
from builder.common.source_content import MATRIX, content_of, counts
from builder.lock.lockfile import FILE as LOCK
from builder.lock.pinned import PinnedCatalog

LARGEST = 16 << 20
MOST = 20_000
WHOLE = 256 << 20
"""The bytes of one file, the number of files, and the bytes of all of them."""
_PROGRAM, _PLAIN = 0o755, 0o644


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file of a catalog that was fetched. `mode` is 0755 or 0644."""

    path: str
    mode: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class FoundSource:
    """All files of a catalog, as they were fetched, and what is known of them.

    `commit` is that of git, or the digest of the artefact; `release`, `builder` and `date` may be
    "".
    """

    files: tuple[SourceFile, ...]
    commit: str = ""
    release: str = ""
    builder: str = ""
    date: str = ""

    @property
    def content(self) -> str:
        """The hash of its files."""
        return content_of((file.path, file.mode, file.data) for file in self.files)

    @property
    def lock(self) -> str:
        """The hash of its matrix.lock, "" where it has none."""
        return next((digest_of(file.data) for file in self.files if file.path == LOCK), "")


class UnsafeSourceError(Exception):
    """What a catalog holds that must not be kept: a message without the name of the catalog."""


def is_kept(path: str) -> bool:
    """Whether a file is kept: of the content, or the lock."""
    return counts(path) or path == LOCK


def check_entry(path: str, size: int) -> None:
    """Raise UnsafeSourceError for a file that must not be kept, before it is read."""
    try:
        limits.check_name(path)
    except StepError as error:
        raise UnsafeSourceError(error.message) from error
    if ".git" in path.lower().split("/"):
        raise UnsafeSourceError(f"{path}: a folder of git")
    if size > LARGEST:
        raise UnsafeSourceError(f"{path}: it has more than {limits.binary(LARGEST)}")


def check_sizes(sizes: Iterable[int]) -> None:
    """Raise UnsafeSourceError where files are too many, or too large together."""
    number = total = 0
    for size in sizes:
        number, total = number + 1, total + size
        check_total(number, total)


def check_total(number: int, total: int) -> None:
    """Raise UnsafeSourceError where so many files, of so many bytes together, are too many."""
    if number > MOST:
        raise UnsafeSourceError(f"more than {MOST:,} files")
    if total > WHOLE:
        raise UnsafeSourceError(f"files of more than {limits.binary(WHOLE)} together")


class KeptCatalogs:
    """The copies in a folder. `name` is that of a catalog in messages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str, pin: PinnedCatalog, location: Location | None) -> Path | None:
        """Return the copy of what is pinned, None where there is none.

        Raises ConfigError where it is not what is pinned.
        """
        folder = self._path(pin.content, pin.lock)
        if not folder.is_dir():
            return None
        try:
            found = FoundSource(files=tuple(_files(folder)))
        except UnsafeSourceError as error:
            raise unsafe(name, error, location) from error
        if (found.content, found.lock) != (pin.content, pin.lock):
            raise ConfigError(
                f"the kept copy of {name} is not what is locked: it has content {found.content},"
                f" matrix.lock says {pin.content}",
                hint=f"somebody changed it: delete {folder}, and it is fetched again",
                location=location,
                id="E-CATALOG-CONTENT",
            )
        return folder

    def keep(self, name: str, found: FoundSource, location: Location | None) -> Path:
        """Keep what was fetched, and return its copy. Raises ConfigError for what is not safe."""
        try:
            check_source(found)
        except UnsafeSourceError as error:
            raise unsafe(name, error, location) from error
        folder = self._path(found.content, found.lock)
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".part-") as temporary:
            part = Path(temporary, "catalog")
            for file in found.files:
                mode = 0o555 if file.mode == _PROGRAM else 0o444
                write(part / file.path, file.data, mode, lasting=False)
            try:
                os.rename(part, folder)
            except OSError:
                if not folder.is_dir():  # else another process has kept it meanwhile
                    raise
                shutil.rmtree(part)
        return folder

    def _path(self, content: str, lock: str) -> Path:
        """Return where a copy is: the same content may have been released with several locks."""
        name = content.removeprefix("sha256:")
        return self._folder / (f"{name}-{lock.removeprefix('sha256:')[:16]}" if lock else name)


def check_pin(name: str, found: FoundSource, pin: PinnedCatalog, location: Location | None) -> None:
    """Raise ConfigError where what was fetched is not what is pinned."""
    if found.content != pin.content:
        raise ConfigError(
            f"{name} is not what is locked: commit {pin.commit} has content {found.content},"
            f" matrix.lock says {pin.content}",
            hint="its history was rewritten, or matrix.lock was edited: look what changed, and take"
            f" `upstreams.{name}` out of matrix.lock before `builder lock`",
            location=location,
            id="E-CATALOG-CONTENT",
        )
    if found.lock != pin.lock:
        raise ConfigError(
            f"{name} is not what is locked: its {LOCK} is {found.lock or 'not there'}, and here"
            f" {pin.lock or 'none'} is locked",
            hint=f"look what changed, and take `upstreams.{name}` out of matrix.lock before"
            " `builder lock`",
            location=location,
            id="E-CATALOG-CONTENT",
        )


def unsafe(name: str, error: UnsafeSourceError, location: Location | None) -> ConfigError:
    """Return the error of a catalog that holds what must not be kept."""
    return ConfigError(
        f"{name} holds what is not taken: {error}",
        hint="nothing of it was kept: tell those who maintain it",
        location=location,
        id="E-CATALOG-UNSAFE",
    )


def check_source(found: FoundSource) -> None:
    """Raise UnsafeSourceError for a catalog that must not be kept."""
    check_sizes(len(file.data) for file in found.files)
    paths = [file.path for file in found.files]
    folders = {str(parent) for path in paths for parent in Path(path).parents}
    for file in found.files:
        check_entry(file.path, len(file.data))
        if not is_kept(file.path):
            raise UnsafeSourceError(f"{file.path}: no part of a catalog")
        if file.path in folders or file.mode not in (_PROGRAM, _PLAIN):
            raise UnsafeSourceError(f"{file.path}: not a file")
    if len(set(paths)) != len(paths):
        raise UnsafeSourceError("the same file twice")
    if MATRIX not in paths:
        raise UnsafeSourceError(f"no {MATRIX}")


def _files(folder: Path) -> Iterator[SourceFile]:
    """Yield the files of a copy. Raises UnsafeSourceError for what was not put there."""
    number = total = 0
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            state = path.lstat()
            shown = path.relative_to(folder).as_posix()
            if stat.S_ISDIR(state.st_mode):
                continue
            if not stat.S_ISREG(state.st_mode):
                raise UnsafeSourceError(f"{shown}: not a file")
            check_entry(shown, state.st_size)
            number, total = number + 1, total + state.st_size
            check_total(number, total)
            mode = _PROGRAM if state.st_mode & 0o100 else _PLAIN
            yield SourceFile(path=shown, mode=mode, data=path.read_bytes())
