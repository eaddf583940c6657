"""Reads which files the layers of an image have, and finds those that a layer repeats.

A layer is read once: the list of its files is kept in a folder, by the uncompressed digest of the
layer. Contents are compared only where path and size are the same and owner or mode are not.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from builder.common.archives import members, opened, stream
from builder.common.files import write
from builder.oci.image import ImageLayer, Member

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
        """Return owner and mode, as a person reads them."""
        return f"{self.uid}:{self.gid} {self.mode:04o}"


@dataclass(frozen=True, kw_only=True)
class Reowned:
    """A file that a layer has only because its owner or its mode changed."""

    path: str
    before: Entry
    after: Entry


@dataclass(frozen=True, kw_only=True)
class Index:
    """Lists the files of layers. The list of a layer is cached as a file in `folder`.

    `blob` returns the path of a layer's blob, after fetching it if need be.
    """

    folder: Path
    blob: Callable[[ImageLayer], Path]

    def files(self, layer: ImageLayer) -> Mapping[str, Entry]:
        """Return the regular files of a layer by path, without a leading slash."""
        cache = self.folder / f"{layer.diff.partition(':')[2]}.json.gz"
        try:
            cached = json.loads(gzip.decompress(cache.read_bytes()))
            return {path: Entry(*numbers) for path, numbers in cached.items()}
        except (OSError, EOFError, ValueError, TypeError, zlib.error):
            entries = read_layer(self.blob(layer))
        data = {
            path: (entry.size, entry.mode, entry.uid, entry.gid) for path, entry in entries.items()
        }
        text = json.dumps(data, separators=(",", ":")).encode()
        write(cache, gzip.compress(text, 3, mtime=0))
        return entries

    def reowned(
        self, layers: Sequence[ImageLayer], judged: Set[str]
    ) -> dict[ImageLayer, tuple[Reowned, ...]]:
        """Return the files that layers repeat from lower ones; `judged` are uncompressed digests.

        Other layers are not judged.
        """
        lower: dict[str, tuple[Entry, ImageLayer]] = {}
        repeated = {}
        for layer in layers:
            files = self.files(layer)
            if layer.diff in judged:
                same = [
                    (path, *lower[path])
                    for path, entry in files.items()
                    if path in lower and _only_owned(lower[path][0], entry)
                ]
                if reowned := self._same_content(layer, files, same):
                    repeated[layer] = reowned
            lower |= {path: (entry, layer) for path, entry in files.items()}
        return repeated

    def _same_content(
        self,
        layer: ImageLayer,
        files: Mapping[str, Entry],
        candidates: Sequence[tuple[str, Entry, ImageLayer]],
    ) -> tuple[Reowned, ...]:
        """Return those of `candidates` whose content is that of the lower layer, to the byte."""
        if not candidates:
            return ()
        hashes = read_hashes(self.blob(layer), {path for path, *_ in candidates})
        lower: dict[str, str] = {}
        for source in {lower_layer for *_, lower_layer in candidates}:
            paths = {path for path, _, lower_layer in candidates if lower_layer == source}
            lower |= read_hashes(self.blob(source), paths)
        return tuple(
            Reowned(path=path, before=before, after=files[path])
            for path, before, _ in candidates
            if hashes[path] == lower[path]
        )


def read_layer(blob: Path) -> dict[str, Entry]:
    """Return the regular files of a layer from its blob: a tar, plain or packed by gzip or zstd."""
    with opened(blob, f"the layer {blob.name}") as archive:
        return {
            _path(member): Entry(member.size, stat.S_IMODE(member.mode), member.uid, member.gid)
            for member in members(archive)
            if member.isreg()
        }


def read_hashes(blob: Path, paths: Set[str]) -> dict[str, str]:
    """Return the sha256 of these files of a layer."""
    hashes = {}
    with opened(blob, f"the layer {blob.name}") as archive:
        for member in members(archive):
            if member.isreg() and (path := _path(member)) in paths:
                hashes[path] = _sha256(archive, member)
    return hashes


def read_members(blob: Path) -> dict[str, Member]:
    """Return all members of a layer, by path without a leading slash."""
    with opened(blob, f"the layer {blob.name}") as archive:
        return {_path(member): _member(archive, member) for member in members(archive)}


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Member:
    headers = member.pax_headers.items()
    is_file = member.isreg()
    return Member(
        kind="file" if is_file else _KINDS.get(member.type, f"type {member.type!r}"),
        mode=stat.S_IMODE(member.mode),
        uid=member.uid,
        gid=member.gid,
        mtime=member.mtime,
        size=member.size,
        content=_sha256(archive, member) if is_file else "",
        link=member.linkname,
        xattrs={key.removeprefix(_XATTR): text for key, text in headers if key.startswith(_XATTR)},
    )


def _sha256(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    return hashlib.file_digest(stream(archive, member), "sha256").hexdigest()  # type: ignore[arg-type]


def _only_owned(before: Entry, after: Entry) -> bool:
    return before.size == after.size and before != after


def _path(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./").lstrip("/")
