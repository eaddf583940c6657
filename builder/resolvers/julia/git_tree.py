"""Download tarballs that are named by the git tree of their content, and check them by it.

A package server states the tree alone, by SHA-1, and may pack it anew: two of its machines may give
one tree in other bytes. So what the lock adds is the same tree by SHA-256, not the hash of a file.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.common.archives import members, opened, stream
from builder.common.errors import StepError
from builder.common.files import write
from builder.common.limits import ARCHIVE_READ, JULIA_TARBALL, binary, pieces_of
from builder.network.fetcher import Fetcher

_TREE = re.compile(r"[0-9a-f]{40}")
_KINDS = ("sha1", "sha256")
_Hashes = tuple[bytes, ...]
"""The hashes of an object of git, by each of `_KINDS`."""
_Entry = tuple[str, _Hashes]
"""The mode of a file, link or folder in git, and its hashes."""
Files = Mapping[str, bytes]
"""The content of files, and the targets of links, by their path, folders joined by slashes."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A git tree that was unpacked from `path`: its hashes in hex, as git has them.

    `sha1` is that of today's repositories, `sha256` that of `git init --object-format=sha256`.
    """

    path: Path
    sha1: str
    sha256: str


class GitTrees:
    """Fetches tarballs into the folder of a fetcher, and notes there which were checked."""

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def fetch(self, name: str, url: str, tree: str, *, sha256: str = "") -> Tree:
        """Return a tarball on this machine whose content has the git tree `tree` (40 hex digits).

        `sha256` is that of the tree, where it is known. Raises StepError where the tarball has
        another content, UnreachableError.
        """
        if not _TREE.fullmatch(tree):
            raise StepError(f"{name}: not a git tree: {tree[:200]!r}")
        found = self._noted(tree) or self._fetch(name, url, tree)
        if sha256 not in ("", found.sha256):
            raise _differs(name, "by sha256", sha256, found.sha256)
        return found

    def _noted(self, tree: str) -> Tree | None:
        """Return a tarball that was checked before, if it is still here."""
        note = self._note(tree)
        words = note.read_text().split() if note.is_file() else []
        path = self._fetcher.cached(words[0]) if len(words) == 2 else None
        return Tree(path=path, sha1=tree, sha256=words[1]) if path else None

    def _fetch(self, name: str, url: str, tree: str) -> Tree:
        file = self._fetcher.record(name, url, again=True, limit=JULIA_TARBALL)
        found = tree_of(self._fetcher.folder / file.sha256, name)
        if found.sha1 != tree:
            raise _differs(name, "", tree, found.sha1)
        write(self._note(tree), f"{file.sha256} {found.sha256}\n".encode())
        return found

    def _note(self, tree: str) -> Path:
        return self._fetcher.folder / "trees" / tree


def _differs(name: str, by: str, expected: str, found: str) -> StepError:
    return StepError(
        f"{name}: the downloaded tarball has another git tree than expected{by and f', {by}'}\n"
        f"    expected {expected}\n"
        f"    found    {found}",
        hint="it was replaced upstream, or the mirror serves another file; do not build with it",
    )


def read_tar(archive: Path, name: str) -> Files:
    """Return the files and links of a tarball, without empty folders.

    Raises StepError if it is damaged or too large, or has entries that git cannot have.
    """
    files: dict[str, bytes] = {}
    remaining = ARCHIVE_READ
    with opened(archive, name) as tar:
        for path, member in _entries(tar, name):
            if (remaining := remaining - member.size) < 0:
                raise StepError(f"{name} has more than {binary(ARCHIVE_READ)}")
            files[path] = (
                files[_target(member, files, name)]
                if member.islnk()
                else b"".join(_data(tar, member))
            )
    _check_folders(files, name)
    return files


def tree_of(archive: Path, name: str) -> Tree:
    """Return the git tree of a tarball; no file of it is whole in memory.

    Raises StepError as `read_tar` does.
    """
    objects: dict[str, _Entry] = {}
    with opened(archive, name) as tar:
        for path, member in _entries(tar, name):
            if member.islnk():
                objects[path] = objects[_target(member, objects, name)]
                continue
            size = len(_link(member)) if member.issym() else member.size
            objects[path] = (_mode(member), _object("blob", size, _data(tar, member)))
    _check_folders(objects, name)
    sha1, sha256 = _tree_of(objects)
    return Tree(path=archive, sha1=sha1.hex(), sha256=sha256.hex())


def _entries(tar: tarfile.TarFile, name: str) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield the path and the member of each file and link. Raises StepError."""
    for member in members(tar):
        path = _path(member.name, name)
        if member.isdir():
            continue
        if not (member.issym() or member.isreg() or member.islnk()):
            raise StepError(f"{name}: {path} is neither a file nor a link")
        yield path, member


def _path(text: str, name: str) -> str:
    path = posixpath.normpath(text)
    if path.startswith(("/", "..")):
        raise StepError(f"{name}: {path} is outside the folder of the tarball")
    return path


def _target(member: tarfile.TarInfo, known: Mapping[str, object], name: str) -> str:
    """Return the path of the file that a hard link is another name of; it stands before it."""
    target = _path(member.linkname, name)
    if target not in known:
        raise StepError(f"{name}: {member.name} is a link to {target}, which is not before it")
    return target


def _mode(member: tarfile.TarInfo) -> str:
    if member.issym():
        return "120000"
    return "100755" if member.mode & 0o100 else "100644"


def _data(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    """Yield the content of a file, or the target of a link, in pieces."""
    if member.issym():
        yield _link(member)
        return
    yield from pieces_of(stream(tar, member))


def _link(member: tarfile.TarInfo) -> bytes:
    return member.linkname.encode(errors="surrogateescape")


def _check_folders(paths: Mapping[str, object], name: str) -> None:
    for folder in {path.rpartition("/")[0] for path in paths} & paths.keys():
        raise StepError(f"{name}: {folder} is both a folder and a file")


def _tree_of(objects: Mapping[str, _Entry]) -> _Hashes:
    folders: dict[str, dict[str, _Entry]] = {"": {}}
    for path, entry in objects.items():
        parent, _, name = path.rpartition("/")
        folders.setdefault(parent, {})[name] = entry
        while parent:
            parent = parent.rpartition("/")[0]
            folders.setdefault(parent, {})
    for path in sorted(folders, key=lambda path: (path.count("/"), path), reverse=True):
        if path:
            parent, _, name = path.rpartition("/")
            folders[parent][name] = ("40000", _folder(folders[path]))
    return _folder(folders[""])


def _folder(entries: Mapping[str, _Entry]) -> _Hashes:
    def spelled(name: str) -> bytes:
        return name.encode(errors="surrogateescape")

    # git sorts a folder as if its name ended with a slash.
    def key(item: tuple[str, _Entry]) -> bytes:
        return spelled(item[0]) + (b"/" if item[1][0] == "40000" else b"")

    rows = sorted(entries.items(), key=key)
    found: list[bytes] = []
    for index, kind in enumerate(_KINDS):
        data = b"".join(
            mode.encode() + b" " + spelled(name) + b"\0" + hashes[index]
            for name, (mode, hashes) in rows
        )
        found.append(hashlib.new(kind, _head("tree", len(data)) + data).digest())
    return tuple(found)


def _object(kind: str, size: int, pieces: Iterable[bytes]) -> _Hashes:
    hashers = [hashlib.new(name, _head(kind, size)) for name in _KINDS]
    for piece in pieces:
        for hasher in hashers:
            hasher.update(piece)
    return tuple(hasher.digest() for hasher in hashers)


def _head(kind: str, size: int) -> bytes:
    return f"{kind} {size}".encode() + b"\0"
