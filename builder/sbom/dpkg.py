"""Reads the package status of Debian, which an image or the archive of a base has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from builder.catalog.packages import PackageIdentity

_FIELD = re.compile(r"^([A-Za-z][A-Za-z-]*):[ \t]*(.*)$", re.MULTILINE)
_SOURCE = re.compile(r"(\S+)(?:[ \t]+\((\S+)\))?")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*")
_NEEDS = ("Pre-Depends", "Depends")
_MOST = 100_000


@dataclass(frozen=True, kw_only=True)
class InstalledPackage:
    """A package that a status lists as installed. `needs` are names, first alternatives only."""

    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    maintainer: str
    needs: tuple[str, ...]

    def identity(self, distribution: str) -> PackageIdentity:
        """Return what its package URL is made of."""
        return PackageIdentity(
            type="deb",
            namespace="debian",
            name=self.name,
            version=self.version,
            qualifiers={"arch": self.architecture, "distro": distribution},
        )


def installed(text: str) -> Iterator[InstalledPackage]:
    """Yield the installed packages of a status, in its order; what is damaged is left out."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number >= _MOST:
            return
        fields = {key: value.strip() for key, value in _FIELD.findall(paragraph)}
        name, version = fields.get("Package", ""), fields.get("Version", "")
        # A status.d has no field Status: what is listed there is installed.
        state = fields.get("Status", "install ok installed").split()
        if not _NAME.fullmatch(name) or not version or state[-1:] != ["installed"]:
            continue
        source = _SOURCE.fullmatch(fields.get("Source", name))
        yield InstalledPackage(
            name=name,
            version=version,
            architecture=fields.get("Architecture", ""),
            source=source[1] if source else name,
            source_version=(source[2] if source else None) or version,
            maintainer=fields.get("Maintainer", ""),
            needs=tuple(_needs(fields)),
        )


def _needs(fields: dict[str, str]) -> Iterator[str]:
    for key in _NEEDS:
        for clause in fields.get(key, "").split(","):
            if match := _NAME.match(clause.strip()):
                yield match[0]
