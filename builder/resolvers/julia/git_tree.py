"""Download tarballs that are named by the git tree of their content, and check them by it."""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.common.errors import StepError
from builder.common.files import write
from builder.network.fetcher import Fetcher

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
        note = self._fetcher.folder / "trees" / tree
        if note.is_file():
            cached = self._fetcher.cached(note.read_text().strip())
            if cached is not None:
                return cached
        file = self._fetcher.record(name, url, again=True)
        path = self._fetcher.folder / file.sha256
        found_tree = tree_sha1(read_tar(path, name))
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

    Raises StepError if it is damaged, or has entries that git cannot have.
    """
    files: dict[str, GitFile] = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                path = posixpath.normpath(member.name)
                if path.startswith(("/", "..")):
                    raise StepError(f"{name}: {path} is outside the folder of the tarball")
                if not member.isdir():
                    files[path] = _file(tar, member, f"{name}: {path}")
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise StepError(f"{name}: not a tarball: {error}") from error
    for folder in {path.rpartition("/")[0] for path in files} & files.keys():
        raise StepError(f"{name}: {folder} is both a folder and a file")
    return files


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo, what: str) -> GitFile:
    if member.issym():
        return GitFile("120000", member.linkname.encode())
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise StepError(f"{what} is neither a file nor a link")
    return GitFile("100755" if member.mode & 0o100 else "100644", content.read())


def tree_sha1(files: Files) -> str:
    """Return the hash of the git tree of these files, in hex."""
    folders: dict[str, dict[str, tuple[str, bytes]]] = {"": {}}
    for path, file in files.items():
        parent, _, name = path.rpartition("/")
        folders.setdefault(parent, {})[name] = (file.mode, _object("blob", file.data))
        while parent:
            parent = parent.rpartition("/")[0]
            folders.setdefault(parent, {})
    for path in sorted(folders, key=lambda path: (path.count("/"), path), reverse=True):
        if path:
            parent, _, name = path.rpartition("/")
            folders[parent][name] = ("40000", _tree(folders[path]))
    return _tree(folders[""]).hex()


def _tree(entries: Mapping[str, tuple[str, bytes]]) -> bytes:
    # git sorts a folder as if its name ended with a slash.
    def key(item: tuple[str, tuple[str, bytes]]) -> bytes:
        return item[0].encode() + (b"/" if item[1][0] == "40000" else b"")

    rows = sorted(entries.items(), key=key)
    return _object(
        "tree", b"".join(f"{mode} {name}".encode() + b"\0" + sha for name, (mode, sha) in rows)
    )


def _object(kind: str, data: bytes) -> bytes:
    # git's own hash: not for security
    return hashlib.sha1(f"{kind} {len(data)}".encode() + b"\0" + data).digest()
