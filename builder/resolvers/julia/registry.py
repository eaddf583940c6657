"""Read the registries of Julia packages from a package server.

A registry is a folder with Registry.toml, and for each package Package.toml, Versions.toml,
Deps.toml and Compat.toml, whose sections are ranges of versions. Since Julia 1.9 there are
WeakDeps.toml and WeakCompat.toml too, for packages that need not be installed, but must fit if
they are.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from builder.common.errors import StepError
from builder.common.limits import ARCHIVE_TEXT, read_toml
from builder.network.fetcher import Fetcher
from builder.network.upstreams import upstream
from builder.resolvers.julia.git_tree import Files, GitTrees, read_tar
from builder.resolvers.julia.versions import Range, is_release, newest_first, parse_range

SERVER = "julia-packages"
_LISTED = re.compile(r"/registry/([0-9a-f-]{36})/([0-9a-f]{40})")


@dataclass(frozen=True, kw_only=True)
class Need:
    """A dependency of a version of a package. `text` is its range, "" for any version."""

    uuid: str
    name: str
    text: str = ""
    ranges: tuple[Range, ...] = ()
    is_weak: bool = False

    def takes(self, version: str) -> bool:
        """Whether a version is accepted."""
        return not self.ranges or any(version in item for item in self.ranges)


class Registered:
    """A package of a registry, read at first use."""

    def __init__(self, *, registry: str, name: str, uuid: str, path: str, files: Files) -> None:
        self.registry = registry
        self.name = name
        self.uuid = uuid
        self._path = path
        self._files = files
        self._read: dict[str, dict[str, Any]] = {}

    @cached_property
    def versions(self) -> list[str]:
        """Every release, yanked ones too, newest first."""
        return newest_first(version for version in self._versions if is_release(version))

    def tree(self, version: str) -> str:
        """Return the hash of a version's git tree."""
        return str(self._versions[version]["git-tree-sha1"])

    def tree_of(self, version: str) -> str:
        """Return the hash of a version's git tree, or "" if there is no such version."""
        return self.tree(version) if version in self._versions else ""

    def is_yanked(self, version: str) -> bool:
        """Whether a version was taken back."""
        return bool(self._versions[version].get("yanked"))

    def julia(self, version: str) -> Need:
        """Return the requirement of a version on Julia itself."""
        text, ranges = _ranges(_merged(self._toml("Compat"), version).get("julia", ()))
        return Need(uuid="", name="julia", text=text, ranges=ranges)

    def needs(self, version: str, *, has_weak: bool) -> list[Need]:
        """Return the dependencies of a version; without `has_weak`, as for Julia before 1.9."""
        weak = _merged(self._toml("WeakDeps"), version) if has_weak else {}
        deps = _merged(self._toml("Deps"), version)
        needs = []
        for names, file, is_weak in ((deps, "Compat", False), (weak, "WeakCompat", True)):
            compat = _merged(self._toml(file), version)
            for name, uuid in names.items():
                if not is_weak and name in weak:
                    continue
                text, ranges = _ranges(compat.get(name, ()))
                needs.append(Need(uuid=uuid, name=name, text=text, ranges=ranges, is_weak=is_weak))
        return needs

    @cached_property
    def _versions(self) -> Mapping[str, Mapping[str, Any]]:
        return self._toml("Versions")

    def _toml(self, name: str) -> dict[str, Any]:
        if name not in self._read:
            file = self._files.get(f"{self._path}/{name}.toml")
            what = f"registry {self.registry}: {self._path}/{name}.toml"
            self._read[name] = read_toml(file, ARCHIVE_TEXT, what) if file is not None else {}
        return self._read[name]


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The packages of all registries of a server; the first registry with a package wins."""

    packages: Mapping[str, Registered]  # by uuid

    @cached_property
    def names(self) -> Mapping[str, Registered]:
        """The packages by name."""
        return {package.name: package for package in reversed(list(self.packages.values()))}


class Registries:
    """Loads today's registries of the package server once; their tarballs are kept."""

    def __init__(self, *, fetcher: Fetcher, trees: GitTrees) -> None:
        self._fetcher = fetcher
        self._trees = trees
        self._guard = threading.Lock()
        self._registry: Registry | None = None

    def load(self) -> Registry:
        """Return all registries of the server. Raises StepError, UnreachableError."""
        with self._guard:
            if self._registry is None:
                self._registry = self._load()
            return self._registry

    def _load(self) -> Registry:
        text = self._fetcher.text(upstream(SERVER, "registries"), "a list of registries")
        listed = _LISTED.findall(text)
        if not listed:
            raise StepError(f"{SERVER}: the server lists no registry")
        packages: dict[str, Registered] = {}
        for uuid, tree in listed:
            url = upstream(SERVER, f"registry/{uuid}/{tree}")
            found = self._trees.fetch(f"registry {uuid}", url, tree)
            packages = _packages(read_tar(found.path, f"registry {uuid}"), uuid) | packages
        return Registry(packages=packages)


def _packages(files: Files, what: str) -> dict[str, Registered]:
    try:
        data = read_toml(files["Registry.toml"], ARCHIVE_TEXT, f"registry {what}: Registry.toml")
        registry = "-".join(str(data["name"]).split())
        return {
            uuid: Registered(
                registry=registry, name=entry["name"], uuid=uuid, path=entry["path"], files=files
            )
            for uuid, entry in data["packages"].items()
        }
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise StepError(f"registry {what}: Registry.toml cannot be read: {error}") from error


def _merged(sections: Mapping[str, Mapping[str, Any]], version: str) -> dict[str, Any]:
    """Return the merged sections whose range contains a version."""
    merged: dict[str, Any] = {}
    for ranges, items in sections.items():
        if version in parse_range(ranges):
            merged |= items
    return merged


def _ranges(value: str | list[str] | tuple[()]) -> tuple[str, tuple[Range, ...]]:
    texts = [value] if isinstance(value, str) else list(value)
    return ", ".join(texts), tuple(map(parse_range, texts))
