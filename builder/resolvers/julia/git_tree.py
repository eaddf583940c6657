"""Download tarballs that are named by the git tree of their content, and check them by it."""

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
from builder.common.limits import ARCHIVE_READ, binary, pieces_of
from builder.network.fetcher import Fetcher

_TREE = re.compile(r"[0-9a-f]{40}")
_Entry = tuple[str, bytes]
"""The mode of a file, link or folder in git, and its hash."""
Files = Mapping[str, "GitFile"]
"""Files and links by their path, folders joined by slashes."""


@dataclass(frozen=True)
class GitFile:
    """A file in git: `mode` is octal text (120000 is a link, and `data` its target)."""

    mode: str
    data: bytes


class GitTrees:
    """Fetches tarballs into the folder of a fetcher, and notes there which were checked."""

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def fetch(self, name: str, url: str, tree: str) -> Path:
        """Return a tarball on this machine whose content has the git tree `tree` (40 hex digits).

        Raises StepError where it has another, UnreachableError.
        """
        if not _TREE.fullmatch(tree):
            raise StepError(f"{name}: not a git tree: {tree[:200]!r}")
        note = self._fetcher.folder / "trees" / tree
        if note.is_file():
            cached = self._fetcher.cached(note.read_text().strip())
            if cached is not None:
                return cached
        file = self._fetcher.record(name, url, again=True)
        path = self._fetcher.folder / file.sha256
        found_tree = tree_of(path, name)
        if found_tree != tree:
            raise StepError(
                f"{name}: the downloaded tarball has another git tree than expected\n"
                f"    expected {tree}\n"
                f"    found    {found_tree}",
                hint="it was replaced upstream, or the mirror serves another file;"
                " do not build with it",
            )
        write(note, f"{file.sha256}\n".encode())
        return path


def read_tar(archive: Path, name: str) -> Files:
    """Return the files and links of a tarball, without empty folders, as in git.

    Raises StepError if it is damaged or too large, or has entries that git cannot have.
    """
    files: dict[str, GitFile] = {}
    remaining = ARCHIVE_READ
    with opened(archive, name) as tar:
        for path, mode, member in _entries(tar, name):
            if (remaining := remaining - member.size) < 0:
                raise StepError(f"{name} has more than {binary(ARCHIVE_READ)}")
            files[path] = GitFile(mode, b"".join(_data(tar, member)))
    _check_folders(files, name)
    return files


def tree_of(archive: Path, name: str) -> str:
    """Return the hash of the git tree of a tarball, in hex; no file of it is whole in memory.

    Raises StepError as `read_tar` does.
    """
    objects: dict[str, _Entry] = {}
    with opened(archive, name) as tar:
        for path, mode, member in _entries(tar, name):
            size = len(_link(member)) if member.issym() else member.size
            objects[path] = (mode, _object("blob", size, _data(tar, member)))
    _check_folders(objects, name)
    return _tree_sha1(objects)


def _entries(tar: tarfile.TarFile, name: str) -> Iterator[tuple[str, str, tarfile.TarInfo]]:
    """Yield the path, the mode in git and the member of each file and link. Raises StepError."""
    for member in members(tar):
        path = posixpath.normpath(member.name)
        if path.startswith(("/", "..")):
            raise StepError(f"{name}: {path} is outside the folder of the tarball")
        if member.isdir():
            continue
        if not member.issym() and not member.isreg():
            raise StepError(f"{name}: {path} is neither a file nor a link")
        mode = "120000" if member.issym() else "100755" if member.mode & 0o100 else "100644"
        yield path, mode, member


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


def tree_sha1(files: Files) -> str:
    """Return the hash of the git tree of these files, in hex."""
    return _tree_sha1(
        {
            path: (file.mode, _object("blob", len(file.data), (file.data,)))
            for path, file in files.items()
        }
    )


def _tree_sha1(objects: Mapping[str, _Entry]) -> str:
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
            folders[parent][name] = ("40000", _tree(folders[path]))
    return _tree(folders[""]).hex()


def _tree(entries: Mapping[str, _Entry]) -> bytes:
    def spelled(name: str) -> bytes:
        return name.encode(errors="surrogateescape")

    # git sorts a folder as if its name ended with a slash.
    def key(item: tuple[str, _Entry]) -> bytes:
        return spelled(item[0]) + (b"/" if item[1][0] == "40000" else b"")

    rows = sorted(entries.items(), key=key)
    data = b"".join(
        mode.encode() + b" " + spelled(name) + b"\0" + sha for name, (mode, sha) in rows
    )
    return _object("tree", len(data), (data,))


def _object(kind: str, size: int, pieces: Iterable[bytes]) -> bytes:
    # git's own hash: not for security
    hasher = hashlib.sha1(f"{kind} {size}".encode() + b"\0")
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest()
