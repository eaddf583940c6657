"""An ecosystem of packages in one file, as an organisation adds one: fonts of an index in JSON.

The index maps the name of a font to its versions, the newest first:
`{"serif": [{"version": "2.0", "file": "serif-2.0.txt", "sha256": "…", "needs": ["metrics"]}]}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.catalog.ecosystem import PinSyntax
from builder.catalog.models import RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common.errors import NoPackageError, StepError
from builder.common.text import did_you_mean
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import Fetcher
from builder.resolvers.interfaces import Ecosystem, ResolverTools

INDEX = "https://fonts.example.org"
PROBE = r"""
for file in /opt/fonts/*/version; do
    [ -f "$file" ] || continue
    folder=${file%/version}
    printf 'fonts\t%s\t%s\t%sk\n' "${folder##*/}" "$(cat "$file")" "$(kilobytes "$folder")"
done
"""


class FontResolver:
    """Chooses the newest version of each font, and fetches fonts by their hashes."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return the fonts that a recipe names, and those that they need."""
        index = self._index()
        chosen: dict[str, LockedPackage] = {}
        wanted = [(name, name) for name in request.names]
        while wanted:
            name, named = wanted.pop()
            if name in chosen or name in request.inherited:
                continue
            if name not in index:
                raise NoPackageError(
                    f"there is no font {name}, which {request.target.id} needs",
                    package=named,
                    hint=did_you_mean(name, index),
                )
            entry = self._choice(name, index[name], request)
            chosen[name] = LockedPackage(
                version=entry["version"],
                digest=f"sha256:{entry['sha256']}",
                source="fonts",
                file=entry["file"],
            )
            wanted += [(need, named) for need in entry.get("needs", ())]
        return dict(sorted(chosen.items()))

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether the index has nothing newer."""
        index = self._index()
        return all(
            name in index and index[name][0]["version"] == it.version for name, it in locked.items()
        )

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of fonts, checked."""
        return {
            name: self._fetcher.file(
                RemoteFile(name=it.file_name, url=f"{INDEX}/{it.file}", sha256=it.hash)
            )
            for name, it in packages.items()
        }

    def _choice(
        self, name: str, entries: list[dict[str, Any]], request: PackageRequest
    ) -> dict[str, Any]:
        exact = request.constraints.get(name)
        if exact is None and name in request.preferred:
            exact = request.preferred[name].version
        for entry in entries:
            if exact in (None, entry["version"]):
                return entry
        raise StepError(f"there is no font {name} {exact}, which {request.target.id} needs")

    def _index(self) -> dict[str, list[dict[str, Any]]]:
        index: dict[str, list[dict[str, Any]]] = self._fetcher.json(f"{INDEX}/index.json")
        return index


def _resolver(tools: ResolverTools) -> FontResolver:
    return FontResolver(tools.fetcher)


FONTS = Ecosystem(
    name="fonts",
    pins=PinSyntax(limit=re.compile(r"[0-9.]+"), example='serif: "1.0"'),
    list_line=lambda name, package: f"{name} {package.version} {package.file_name}",
    probe=PROBE,
    is_compared=True,
    resolver=_resolver,
)
