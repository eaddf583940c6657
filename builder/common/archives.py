"""Reads tar archives that come from elsewhere, within limits: layers, tarballs, packages.

A compressed archive is read once, from its beginning to its end, and never whole in memory.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self, cast

import zstandard

from builder.common import limits
from builder.common.errors import StepError
from builder.common.limits import ARCHIVE_FILES, ARCHIVE_HEADER, ARCHIVE_UNPACKED, Refusal, binary

_CHUNK = 1 << 16
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_DAMAGES = (
    tarfile.TarError,
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    zstandard.ZstdError,
    ValueError,
    OverflowError,
)


@contextmanager
def opened(file: Path, what: str, *, error: Refusal = StepError) -> Iterator[tarfile.TarFile]:
    """Open an archive: plain, or packed by gzip or zstd. Raises an error where it is damaged."""
    try:
        with file.open("rb") as packed:
            plain = _plain(packed)
            mode = "r:" if plain is packed else "r|"
            with (
                plain,
                tarfile.open(fileobj=plain, mode=mode, bufsize=_CHUNK, tarinfo=Header) as archive,  # type: ignore[call-overload]
            ):
                yield archive
    except _DAMAGES as problem:
        raise error(f"{what} cannot be read: {problem}") from problem
    except RecursionError as problem:  # of headers, each of which is about the next
        raise error(f"{what} cannot be read: its headers do not end") from problem


def members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members of an archive, and keep none of them. Raises ReadError for too many."""
    size = 0
    for number, member in enumerate(archive):
        if number >= ARCHIVE_FILES:
            raise tarfile.ReadError(f"it has more than {ARCHIVE_FILES:,} files")
        if member.issparse():  # a few bytes may stand for any number of zeros
            raise tarfile.ReadError(f"{member.name} is a sparse file")
        if member.size < 0:
            raise tarfile.ReadError(f"{member.name} has a negative size")
        if (size := size + member.size) > ARCHIVE_UNPACKED:
            raise tarfile.ReadError(f"it has more than {binary(ARCHIVE_UNPACKED)}")
        yield member
        archive.members = []  # type: ignore[attr-defined]


def content(archive: tarfile.TarFile, member: tarfile.TarInfo, limit: int) -> bytes:
    """Return the content of a regular file. Raises ReadError where it is larger, or none."""
    if not member.isreg():
        raise tarfile.ReadError(f"{member.name} is not a regular file")
    if member.size > limit:
        raise tarfile.ReadError(f"{member.name} has more than {binary(limit)}")
    return stream(archive, member).read()


def stream(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    """Return the content of a regular file as a stream."""
    file = archive.extractfile(member)
    assert file is not None
    return file


def digests(file: Path, size: int, what: str) -> tuple[str, str]:
    """Return the digest of a file, which has `size` bytes, and that of its unpacked content.

    Raises StepError where it has another size, is damaged, or is unpacked to too much.
    """
    try:
        with limits.opened(file, what) as packed:
            digest = _digest(limits.exactly(limits.pieces_of(packed), size, what))
        with limits.opened(file, what) as packed, _plain(packed) as plain:
            content = _digest(limits.bounded(limits.pieces_of(plain), ARCHIVE_UNPACKED, what))
    except _DAMAGES as problem:
        raise StepError(f"{what} cannot be read: {problem}") from problem
    return digest, content


def _digest(pieces: Iterable[bytes]) -> str:
    hasher = hashlib.sha256()
    for piece in pieces:
        hasher.update(piece)
    return f"sha256:{hasher.hexdigest()}"


class Header(tarfile.TarInfo):
    """A tar header of limited size, so that it cannot fill the memory; the limit is Go's."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header. Raises ReadError where the names or attributes after it are too long."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in _EXTENSIONS and not 0 <= header.size <= ARCHIVE_HEADER:
            raise tarfile.ReadError(f"a header of {header.size} bytes")
        return header


def _plain(file: IO[bytes]) -> IO[bytes]:
    """Return the uncompressed content of a file."""
    head = file.read(4)
    file.seek(0)
    if head.startswith(_ZSTD):
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return cast(IO[bytes], reader)
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)) if head.startswith(_GZIP) else file
