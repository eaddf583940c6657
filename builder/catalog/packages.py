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

    `size` is the bytes of the file, `built_from` and `source_version` are the source package and
    its version, where the index states them; 0 and "" in a lock of an older format. They describe a
    package, and do not tell it from another: no fingerprint and no comparison has them.
    """

    version: str
    digest: str
    source: str
    file: str
    size: int = field(default=0, compare=False)
    built_from: str = field(default="", compare=False)
    source_version: str = field(default="", compare=False)

    @property
    def hash(self) -> str:
        """The hash alone, in hex."""
        return self.digest.partition(":")[2]

    @property
    def source_package(self) -> str:
        """Return the source package that an archive of Debian built it from; "" elsewhere."""
        if self.built_from:
            return self.built_from
        pool, *folders = self.file.split("/")
        return folders[2] if pool == "pool" and len(folders) > 3 else ""

    @property
    def file_name(self) -> str:
        """The name of its file, without folders."""
        return self.file.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class PackageIdentity:
    """What a package URL (purl) is made of; `qualifiers` that are "" are left out."""

    type: str
    name: str
    version: str
    namespace: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PackageSurroundings:
    """What a package of the lock is installed on: the suite and the architecture of its base."""

    suite: str
    architecture: str


Packages = Mapping[str, Mapping[str, LockedPackage]]
"""The packages that are locked, by ecosystem and name."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What a suite of an archive was: the sha256 of its InRelease, and when that was made.

    `date` is in UTC and ISO 8601, so that what is later is greater; "": not known.
    """

    date: str
    sha256: str
