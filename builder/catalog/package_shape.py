"""What an entry of the lock must look like, before a name of it becomes a path, a URL or a word of
a command. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from builder.catalog.packages import LockedPackage
from builder.common.hashing import is_digest

_FILE_NAME = re.compile(r"(?!-|\.)[A-Za-z0-9._+~!%@=-]{1,255}")
_FOLDER = re.compile(r"(?!\.)[A-Za-z0-9._+~@-]{1,255}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~:!-]{0,127}")
"""A version of any ecosystem, and of a release line."""
_FORMER = "git-tree-sha1"
ALGORITHMS = ("sha256", "sha512", "git-tree-sha256", _FORMER)
"""Those of the digests of packages. `git-tree-sha256` is the hash of the tree that git makes of the
content of an archive: an index may pack one content in several ways."""
_TREE = re.compile(rf"git-tree-sha256:[0-9a-f]{{64}}|{_FORMER}:[0-9a-f]{{40}}")


def is_file_name(text: str) -> bool:
    """Whether a text is one plain component of a path, which no program reads as an option."""
    return _FILE_NAME.fullmatch(text) is not None


def is_file_path(text: str) -> bool:
    """Whether a text is a path of plain components below a folder."""
    *folders, name = text.split("/")
    return is_file_name(name) and all(map(_FOLDER.fullmatch, folders)) and not text.startswith("-")


def is_digest_by(text: str, *algorithms: str) -> bool:
    """Whether a text is `algorithm:<hex>`, of one of these algorithms."""
    is_whole = is_digest(text) or _TREE.fullmatch(text) is not None
    return is_whole and text.partition(":")[0] in algorithms


def is_former(package: LockedPackage) -> bool:
    """Whether a package is known only by a hash that is no longer trusted, as in an older lock.

    It is still used, counts as not locked, and is locked again.
    """
    return package.digest.startswith(f"{_FORMER}:")


def _is_of(_name: str, _package: LockedPackage) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class PackageShape:
    """The shape of the packages of an ecosystem.

    `name`, `version` and `source` are patterns of the whole text; `digests` are the algorithms
    that its index states. `is_file_of`: whether a file, which is a plain path already, is that of
    the package of this name.
    """

    name: re.Pattern[str] = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._+@/-]{0,254}")
    version: re.Pattern[str] = VERSION
    source: re.Pattern[str] = re.compile(r"\S{1,255}")
    digests: tuple[str, ...] = ("sha256", "sha512")
    is_file_of: Callable[[str, LockedPackage], bool] = _is_of

    def flaw(self, name: str, package: LockedPackage) -> str:
        """Return what is wrong with an entry of the lock, or ""."""
        if not self.name.fullmatch(name):
            return f"{name!r} is not the name of a package"
        if not self.version.fullmatch(package.version):
            return f"{package.version!r} is not a version"
        if not is_digest_by(package.digest, *self.digests):
            return f"its digest {package.digest!r} is not a {' or '.join(self.digests)}"
        if not self.source.fullmatch(package.source):
            return f"{package.source!r} is not a source of its ecosystem"
        return self._flaw_of_file(name, package)

    def _flaw_of_file(self, name: str, package: LockedPackage) -> str:
        if not is_file_path(package.file):
            return f"its file {package.file!r} is not a plain path"
        if not self.is_file_of(name, package):
            return f"its file {package.file!r} is not that of {name} {package.version}"
        return ""
