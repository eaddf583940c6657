"""The packages of npm that a target adds, by the lock files that they carry."""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.catalog.packages import LockedPackage
from builder.common.errors import NoPackageError, StepError, UnreachableError
from builder.common.parallel import in_parallel
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import Fetcher, MissingError
from builder.resolvers.npm import shrinkwrap
from builder.resolvers.npm.registry import NpmPackages

_EXACT = re.compile(r"(?P<name>(?:@[^@/]+/)?[^@/]+)@(?P<version>\d+\.\d+\.\d+\S*)")
_SHA512 = 64  # bytes


class NpmResolver:
    """Layers of packages `name@1.2.3`, with what their npm-shrinkwrap.json files name.

    Those files say it all: npm is asked for the named packages alone. Packages are by
    `name@version`, as several versions of one are common.
    """

    def __init__(self, *, packages: NpmPackages, fetcher: Fetcher) -> None:
        self._packages = packages
        self._fetcher = fetcher
        self._guard = threading.Lock()
        self._known: dict[tuple[str, str], Mapping[str, LockedPackage]] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError."""
        arch = request.target.platform.split("/")[1]
        found: dict[str, LockedPackage] = {}
        with self._guard:  # targets that ask for the same are asked for once
            for name in request.names:
                if (name, arch) not in self._known:
                    self._known[name, arch] = dict(self._resolve(name, arch))
                found |= self._known[name, arch]
        return {key: it for key, it in sorted(found.items()) if key not in request.inherited}

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate: what is asked for is exact."""
        return all(name in locked for name in request.names)

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked. Raises as `resolve` does."""
        return dict(zip(packages, in_parallel(self._file, packages.values()), strict=True))

    def _resolve(self, name: str, arch: str) -> Iterator[tuple[str, LockedPackage]]:
        exact = _EXACT.fullmatch(name)
        if exact is None:
            raise NoPackageError(
                f"npm {name} is no exact version",
                package=name,
                hint="write name@1.2.3, or name@{axis.version} for a line of the provider npm",
            )
        top = _locked(exact["name"], exact["version"], *self._dist(name), owner=name)
        yield name, top
        carried = shrinkwrap.read(self._file(top), name)
        if carried.needs and "" not in carried.locks:
            raise NoPackageError(
                f"{name} carries no {shrinkwrap.FILE}, so what it needs cannot be locked",
                package=name,
                hint="name a package that carries one, or that needs no others",
            )
        for folder, entries in carried.locks.items():
            owner = "/".join(part for part in (name, folder, shrinkwrap.FILE) if part)
            try:
                wanted = shrinkwrap.installed(entries, arch)
            except StepError as error:
                raise StepError(f"{owner}: {error.message}") from error
            for path, entry in wanted.items():
                if not entry.get("inBundle"):  # which is in the file of what needs it
                    package = _listed(path, entry, owner, self._packages.registry)
                    yield f"{shrinkwrap.name_of(path, entry)}@{package.version}", package

    def _dist(self, name: str) -> tuple[str, str]:
        """Return the integrity and the URL of what a recipe names. Raises NoPackageError."""
        try:
            return self._packages.dist(name)
        except UnreachableError:
            raise
        except StepError as error:
            raise NoPackageError(
                f"npm has no package {name}", package=name, hint="is its name right?"
            ) from error

    def _file(self, package: LockedPackage) -> Path:
        if (kept := self._fetcher.cached(package.hash)) is not None:
            return kept
        place = self._packages.place(package.file)
        try:
            return self._fetcher.file_by_sha512(package.file_name, place, package.hash)
        except MissingError as error:
            raise StepError(
                f"npm has no {package.file} any more, and it is not kept here",
                hint="run `builder lock --upgrade`",
            ) from error


def _listed(path: str, entry: Mapping[str, Any], owner: str, registry: str) -> LockedPackage:
    """Return a package as a lock file has it: of npm's own registry, wherever that is mirrored."""
    url, name = str(entry.get("resolved", "")), shrinkwrap.name_of(path, entry)
    if entry.get("link") or not url.startswith(registry):
        raise _unlocked(owner, name, f"it comes from {url or 'nowhere'}")
    return _locked(name, str(entry["version"]), str(entry.get("integrity", "")), url, owner=owner)


def _locked(name: str, version: str, integrity: str, url: str, *, owner: str) -> LockedPackage:
    """Return a package of the registry, by the path that upstream has it at.

    A mirror may say `@scope/name/-/@scope/name-1.2.3.tgz`, but lock files name upstream's paths.
    """
    _, found, place = url.partition("?")[0].rpartition(f"/{name}/-/")
    if not found:
        raise _unlocked(owner, name, f"it comes from {url}")
    digest = f"sha512:{_sha512(integrity, owner, name)}"
    file = f"{name}/-/{place.rpartition('/')[2]}"
    return LockedPackage(version=version, digest=digest, source="npm", file=file)


def _sha512(integrity: str, owner: str, name: str) -> str:
    """Return the sha512 in hex of an integrity, which may list hashes of several kinds."""
    for word in integrity.split():
        kind, _, text = word.partition("-")
        if kind == "sha512":
            try:
                digest = base64.b64decode(text.partition("?")[0], validate=True)
            except binascii.Error:
                continue
            if len(digest) == _SHA512:
                return digest.hex()
    raise _unlocked(owner, name, f"its integrity is {integrity or 'not stated'}")


def _unlocked(owner: str, name: str, why: str) -> StepError:
    return StepError(
        f"{owner}: {name} cannot be locked: {why}",
        hint="what is locked is of npm's registry, and has a sha512",
    )
