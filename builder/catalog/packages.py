"""Packages, as they are installed and as they are locked, and the archives that have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Package:
    """An installed package. `size` is unpacked bytes; 0: unknown, or those of another package.

    `source` is what its archive made it from, with others; "": itself, or not known.
    """

    version: str
    size: int
    source: str = field(default="", compare=False)


PackageList = Mapping[str, Mapping[str, Package]]
"""The packages that are installed in an image, by ecosystem and name."""


@dataclass(frozen=True, kw_only=True)
class LockedPackage:
    """A package as the lock has it: one version of it, in one file.

    `digest` is `sha256:<hex>` of the file, `sha512:<hex>` where its index states that, or
    `git-tree-sha256:<hex>` of what is in it; `source` is the suite or the index that has it; `file`
    is its path there, without a host.
    """

    version: str
    digest: str
    source: str
    file: str

    @property
    def hash(self) -> str:
        """The hash alone, in hex."""
        return self.digest.partition(":")[2]

    @property
    def source_package(self) -> str:
        """Return the source package that an archive of Debian built it from; "" elsewhere."""
        pool, *folders = self.file.split("/")
        return folders[2] if pool == "pool" and len(folders) > 3 else ""

    @property
    def file_name(self) -> str:
        """The name of its file, without folders."""
        return self.file.rpartition("/")[2]


Packages = Mapping[str, Mapping[str, LockedPackage]]
"""The packages that are locked, by ecosystem and name."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What a suite of an archive was: the sha256 of its InRelease, and when that was made.

    `date` is in UTC and ISO 8601, so that what is later is greater; "": not known.
    """

    date: str
    sha256: str
