"""Lock and fetch the npm packages that a target adds, by the lock files in them."""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from builder.catalog.packages import LockedPackage
from builder.common.errors import NoPackageError, StepError, UnreachableError
from builder.common.parallel import in_parallel
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import Fetcher, MissingError
from builder.resolvers.interfaces import said_of
from builder.resolvers.npm import shrinkwrap
from builder.resolvers.npm.registry import NpmPackages

_EXACT = re.compile(r"(?P<name>(?:@[^@/]+/)?[^@/]+)@(?P<version>\d+\.\d+\.\d+\S*)")
_SHA512 = 64  # bytes


class NpmResolver:
    """Locks packages `name@1.2.3` with the packages in their npm-shrinkwrap.json files.

    Those files are complete, so npm is asked for the named packages only. Packages are keyed by
    `name@version`, as several versions of one are common.
    """

    def __init__(self, *, packages: NpmPackages, fetcher: Fetcher) -> None:
        self._packages = packages
        self._fetcher = fetcher
        self._guard = threading.Lock()
        self._resolved: dict[tuple[str, str], Mapping[str, LockedPackage]] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError."""
        arch = request.target.platform.split("/")[1]
        packages: dict[str, LockedPackage] = {}
        with self._guard:  # equal requests of several targets are resolved once
            for name in request.names:
                if (name, arch) not in self._resolved:
                    self._resolved[name, arch] = dict(self._resolve(name, arch))
                packages |= self._resolved[name, arch]
        return {
            key: package
            for key, package in sorted(packages.items())
            if key not in request.inherited
        }

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate; names have exact versions."""
        return all(name in locked for name in request.names)

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked. Raises as `resolve` does."""
        return dict(zip(packages, in_parallel(self._file, packages.values()), strict=True))

    def differing(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, str]:
        """Return what the registry says of packages that it does not state as they are."""

        def ask(item: tuple[str, LockedPackage]) -> str:
            key, package = item
            name = key.rpartition("@")[0]
            url = self._packages.file_url(f"{quote(name, safe='@')}/{package.version}")
            try:
                integrity = str(self._fetcher.json(url)["dist"]["integrity"])
                return said_of(package, [f"sha512:{_sha512(integrity, 'npm', name)}"])
            except UnreachableError:
                raise
            except (StepError, KeyError, TypeError):
                return said_of(package, [])

        said = zip(packages, in_parallel(ask, packages.items()), strict=True)
        return {name: text for name, text in said if text}

    def _resolve(self, name: str, arch: str) -> Iterator[tuple[str, LockedPackage]]:
        match = _EXACT.fullmatch(name)
        if match is None:
            raise NoPackageError(
                f"npm package {name} has no exact version",
                package=name,
                hint="write name@1.2.3, or name@{axis.version} for a release line of provider npm",
            )
        top = _locked(match["name"], match["version"], *self._dist(name), owner=name)
        yield name, top
        contents = shrinkwrap.read(self._file(top), name)
        if contents.needs and "" not in contents.locks:
            raise NoPackageError(
                f"{name} has no {shrinkwrap.FILE}, so its dependencies cannot be locked",
                package=name,
                hint="name a package that has one, or one without dependencies",
            )
        for folder, lock_entries in contents.locks.items():
            owner = "/".join(part for part in (name, folder, shrinkwrap.FILE) if part)
            try:
                entries = shrinkwrap.installed(lock_entries, arch)
            except StepError as error:
                raise StepError(f"{owner}: {error.message}") from error
            for path, entry in entries.items():
                if not entry.get("inBundle"):  # a bundled package is in the file of another
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
                f"npm has no package {name}", package=name, hint="is the name right?"
            ) from error

    def _file(self, package: LockedPackage) -> Path:
        if (cached := self._fetcher.cached(package.hash)) is not None:
            return cached
        url = self._packages.file_url(package.file)
        try:
            return self._fetcher.file_by_sha512(package.file_name, url, package.hash)
        except MissingError as error:
            raise StepError(
                f"npm has no {package.file} any more, and there is no copy of it here",
                hint="run `builder lock --upgrade`",
            ) from error


def _listed(path: str, entry: Mapping[str, Any], owner: str, registry: str) -> LockedPackage:
    """Return a package of a lock file. It must come from npm's own registry, or a mirror of it."""
    url, name = str(entry.get("resolved", "")), shrinkwrap.name_of(path, entry)
    if entry.get("link") or not url.startswith(registry):
        raise _unlocked(owner, name, f"it comes from {url or 'nowhere'}")
    return _locked(name, str(entry["version"]), str(entry.get("integrity", "")), url, owner=owner)


def _locked(name: str, version: str, integrity: str, url: str, *, owner: str) -> LockedPackage:
    """Return a package of the registry, with its path at upstream.

    A mirror may say `@scope/name/-/@scope/name-1.2.3.tgz`, but lock files name upstream's paths.
    """
    _, separator, path = url.partition("?")[0].rpartition(f"/{name}/-/")
    if not separator:
        raise _unlocked(owner, name, f"it comes from {url}")
    digest = f"sha512:{_sha512(integrity, owner, name)}"
    file = f"{name}/-/{path.rpartition('/')[2]}"
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
        hint="only packages of npm's registry with a sha512 can be locked",
    )
