"""Documents of a small catalog, whose lock has packages of each ecosystem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builder.catalog.models import Base, RemoteFile
from builder.catalog.packages import LockedPackage
from builder.lock.lockfile import Lock, PackageSet, VersionLock
from builder.oci.reference import parse
from builder.project import Project
from builder.sbom.lineage import Lineages, Made
from builder.sbom.model import Sbom
from tests.fakes.catalog import LOCK, Folder

STATUS = """\
Package: libc6
Status: install ok installed
Maintainer: Oak <oak@example.org>
Architecture: amd64
Source: glibc
Version: 2.41-12
Depends: libgcc-s1, base-files (>= 1) | other

Package: base-files
Status: install ok installed
Architecture: amd64
Version: 13.8

Package: gone
Status: deinstall ok config-files
Version: 1
"""
UUID = "336ed68f-0bac-5ca0-87d4-7b16caf5d00b"
HASH, LONG = "a" * 64, "b" * 128


def entry(version: str, source: str, file: str, digest: str = f"sha256:{HASH}") -> LockedPackage:
    """A package of a lock."""
    return LockedPackage(version=version, digest=digest, source=source, file=file)


TAR = replace(
    entry("1.35+dfsg-3.1+b1", "two", "pool/main/t/tar/tar_1.35+dfsg-3.1+b1_amd64.deb"),
    size=900,
    built_from="tar",
    source_version="1.35+dfsg-3.1",
)
OWN = {
    "apt": {"tar": TAR},
    "pip": {
        "ruamel-yaml": entry("0.18.6", "pip", "ruamel.yaml-0.18.6-py3-none-any.whl"),
        "torch": entry("2.6.0+cpu", "pytorch", "torch-2.6.0+cpu-cp313-none-any.whl"),
    },
    "npm": {
        "@coder/logger@3.0.1": entry(
            "3.0.1", "npm", "@coder/logger/-/logger-3.0.1.tgz", f"sha512:{LONG}"
        )
    },
    "r": {"dplyr": entry("1.1.4", "2026-11-20", "src/contrib/dplyr_1.1.4.tar.gz")},
    "maven": {
        "org.oak:oak": entry("1.0", "maven", "org/oak/oak/1.0/oak-1.0.jar"),
        "org.oak:oak@pom": entry("1.0", "maven", "org/oak/oak/1.0/oak-1.0.pom"),
    },
    "julia": {
        "CSV": entry("0.10.15", "General", f"package/{UUID}/{'c' * 40}", f"git-tree-sha256:{HASH}")
    },
}
FILE = RemoteFile(name="lang.tar.gz", url="https://example.org/lang.tar.gz", sha256=HASH)


def lock() -> Lock:
    """The lock."""
    line = VersionLock(version="1.10.4", files={"os=2@linux/amd64": (FILE,)})
    packages = PackageSet(epoch=86400, request="", packages=OWN)
    desk = {"apt": {"desk": entry("2:1.0-1", "two", "pool/main/d/desk/desk_1.0-1_all.deb")}}
    return replace(
        LOCK,
        release_lines={**LOCK.release_lines, "lang=1.10": line},
        package_sets={
            "base/os=2": packages,
            "desk/os=2,lang=1.10": PackageSet(epoch=172800, request="", packages=desk),
        },
    )


def project(folder: Path) -> Project:
    """The catalog, with the builder's ecosystems."""
    return Folder(folder).load()


def lineages(folder: Path, status: str | None = STATUS, held: Lock | None = None) -> Lineages:
    """What makes the documents."""
    found = project(folder)

    def read(_base: Base) -> str | None:
        return status

    return Lineages(
        catalog=found.catalog,
        expansion=found.expansion,
        lock=held or lock(),
        made={
            key: Made(
                reference=parse(f"registry.example/catalog/{target.variant.image}"),
                fingerprint=f"{number:064x}",
            )
            for number, (key, target) in enumerate(found.expansion.targets.items())
        },
        status=read,
    )


def sbom(folder: Path, target: str = "desk/os=2,lang=1.10", *, is_flat: bool = True) -> Sbom:
    """The document of a target."""
    made = lineages(folder)
    return made.sbom(project(folder).expansion.targets[target], is_flat=is_flat)
