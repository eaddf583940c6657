"""What is in the layers of an image, and whether one owns again what a lower one has.

A layer is read once: what it holds is kept in a folder, by its uncompressed digest. Contents are
compared only where path and size are the same and owner or mode are not, which is rare.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import zstandard

from builder.common.files import write
from builder.oci.image import ImageLayer, Member

_CHUNK = 1 << 16
_BACK = tarfile.BLOCKSIZE
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_XATTR = "SCHILY.xattr."
_KINDS = {
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.FIFOTYPE: "pipe",
}


@dataclass(frozen=True)
class Entry:
    """A regular file of a layer."""

    size: int
    mode: int
    uid: int
    gid: int

    @property
    def owned(self) -> str:
        """Owner and mode, as a person reads them."""
        return f"{self.uid}:{self.gid} {self.mode:04o}"


@dataclass(frozen=True, kw_only=True)
class Reowned:
    """A file that a layer holds only because its owner or its mode changed."""

    path: str
    before: Entry
    after: Entry


@dataclass(frozen=True, kw_only=True)
class Index:
    """Knows what is in layers. What it has read is kept in `folder`, a file for each layer.

    `blob` gives the file that holds a layer, fetched if need be.
    """

    folder: Path
    blob: Callable[[ImageLayer], Path]

    def files(self, layer: ImageLayer) -> Mapping[str, Entry]:
        """The regular files of a layer by path, without a leading slash."""
        kept = self.folder / f"{layer.diff.partition(':')[2]}.json.gz"
        try:
            known = json.loads(gzip.decompress(kept.read_bytes()))
            return {path: Entry(*numbers) for path, numbers in known.items()}
        except (OSError, EOFError, ValueError, TypeError, zlib.error):
            found = read_layer(self.blob(layer))
        data = {path: (it.size, it.mode, it.uid, it.gid) for path, it in found.items()}
        text = json.dumps(data, separators=(",", ":")).encode()
        write(kept, gzip.compress(text, 3, mtime=0))
        return found

    def reowned(
        self, layers: Sequence[ImageLayer], own: Set[str]
    ) -> dict[ImageLayer, tuple[Reowned, ...]]:
        """What the layers in `own`, uncompressed digests, hold again of those below them."""
        below: dict[str, tuple[Entry, ImageLayer]] = {}
        found = {}
        for layer in layers:
            files = self.files(layer)
            if layer.diff in own:
                same = [
                    (path, *below[path])
                    for path, entry in files.items()
                    if path in below and _only_owned(below[path][0], entry)
                ]
                if again := self._same_content(layer, files, same):
                    found[layer] = again
            below |= {path: (entry, layer) for path, entry in files.items()}
        return found

    def _same_content(
        self,
        layer: ImageLayer,
        files: Mapping[str, Entry],
        same: Sequence[tuple[str, Entry, ImageLayer]],
    ) -> tuple[Reowned, ...]:
        """Those that are the same below, to the byte."""
        if not same:
            return ()
        hashes = read_hashes(self.blob(layer), {path for path, *_ in same})
        lower: dict[str, str] = {}
        for source in {it for *_, it in same}:
            wanted = {path for path, _, it in same if it == source}
            lower |= read_hashes(self.blob(source), wanted)
        return tuple(
            Reowned(path=path, before=before, after=files[path])
            for path, before, _ in same
            if hashes[path] == lower[path]
        )


def read_layer(blob: Path) -> dict[str, Entry]:
    """The regular files of a layer, from its blob: a tar, as it is, or by gzip or zstd."""
    with blob.open("rb") as file:
        return {
            _path(it): Entry(it.size, stat.S_IMODE(it.mode), it.uid, it.gid)
            for it in _opened(file)
            if it.isreg()
        }


def read_hashes(blob: Path, paths: Set[str]) -> dict[str, str]:
    """The sha256 of these files of a layer."""
    found = {}
    with blob.open("rb") as file:
        archive = _opened(file)
        for member in archive:
            if member.isreg() and (path := _path(member)) in paths:
                found[path] = _sha256(archive, member)
    return found


def read_members(blob: Path) -> dict[str, Member]:
    """All that a layer holds, by path without a leading slash."""
    with blob.open("rb") as file:
        archive = _opened(file)
        return {_path(it): _member(archive, it) for it in archive}


def _member(archive: tarfile.TarFile, it: tarfile.TarInfo) -> Member:
    headers = it.pax_headers.items()
    return Member(
        kind="file" if it.isreg() else _KINDS.get(it.type, f"type {it.type!r}"),
        mode=stat.S_IMODE(it.mode),
        uid=it.uid,
        gid=it.gid,
        mtime=it.mtime,
        size=it.size,
        content=_sha256(archive, it) if it.isreg() else "",
        link=it.linkname,
        xattrs={key.removeprefix(_XATTR): text for key, text in headers if key.startswith(_XATTR)},
    )


def _sha256(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    content = archive.extractfile(member)
    assert content is not None
    return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]


def _only_owned(before: Entry, after: Entry) -> bool:
    return before.size == after.size and before != after


def _path(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./").lstrip("/")


def _opened(file: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=cast(IO[bytes], _Forward(_plain(file))), mode="r:")


def _plain(file: IO[bytes]) -> Iterator[bytes]:
    """The uncompressed content of a stream, piece by piece."""
    head = file.read(4)
    file.seek(0)
    if head.startswith(_ZSTD):
        yield from zstandard.ZstdDecompressor().read_to_iter(file, read_size=_CHUNK)
    elif head.startswith(_GZIP):
        yield from _gunzipped(file)
    else:
        while chunk := file.read(_CHUNK):
            yield chunk


def _gunzipped(file: IO[bytes]) -> Iterator[bytes]:
    """gzip, of any number of members. The module gzip takes twice as long."""
    unpack = zlib.decompressobj(wbits=31)
    while chunk := file.read(_CHUNK):
        while chunk:
            if unpack.eof:
                unpack = zlib.decompressobj(wbits=31)
            if piece := unpack.decompress(chunk):
                yield piece
            chunk = unpack.unused_data


class _Forward(io.RawIOBase):
    """A stream of pieces as a file that can only go on, and back by one block."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""
        self._start = 0  # of what is held, in the stream
        self._at = 0

    def tell(self) -> int:
        return self._at

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or position < self._start:
            raise io.UnsupportedOperation("this stream only goes on")
        self._at = position
        return position

    def read(self, size: int = -1) -> bytes:
        end = self._at + size
        while self._start + len(self._held) < end:
            piece = next(self._pieces, None)
            if piece is None:
                break
            gone = max(0, min(self._at - _BACK - self._start, len(self._held)))
            self._held = self._held[gone:] + piece
            self._start += gone
        found = self._held[self._at - self._start : end - self._start]
        self._at += len(found)
        return found
