"""Lock the Julia packages that a target adds, and fetch them by their git tree.

The Artifacts.toml of a package (a JLL) has the hashes of its binaries, so the hash of the package
covers them. They are not fetched here: Pkg does that in the build.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from builder.catalog.packages import LockedPackage
from builder.common.errors import ConfigError, NoPackageError, StepError
from builder.common.parallel import by_item
from builder.common.text import did_you_mean
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import Fetcher
from builder.network.upstreams import upstream
from builder.resolvers.interfaces import said_of
from builder.resolvers.julia.git_tree import GitTrees
from builder.resolvers.julia.registry import SERVER, Registered, Registries, Registry
from builder.resolvers.julia.solver import NoneFitError, World, solve
from builder.resolvers.julia.stdlib import Stdlib, stdlibs
from builder.resolvers.julia.versions import Range, parse_limit

_AT_ONCE = 4
TREE = "git-tree-sha1"


class JuliaResolver:
    """Locks Julia packages, for the Julia of a release line, without those that come with it.

    The file of a package is its path at a package server, `package/<uuid>/<tree>`; its source is
    the name of the registry.
    """

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._trees = GitTrees(fetcher=fetcher)
        self._registries = Registries(fetcher=fetcher, trees=self._trees)
        self._guard = threading.Lock()
        self._resolved: dict[str, Mapping[str, LockedPackage]] = {}
        self._stdlibs: dict[str, Mapping[str, Stdlib]] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError.

        Equal requests of several targets are resolved once.
        """
        with self._guard:
            key = _key(request)
            if key not in self._resolved:
                self._resolved[key] = self._resolve(request)
            return self._resolved[key]

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Return False: only a resolution tells whether there are newer candidates."""
        return False

    def differing(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, str]:
        """Return what the registries say of packages that they do not state as they are."""
        registry = self._registries.load()

        def trees(package: LockedPackage) -> list[str]:
            registered = registry.packages.get(_uuid(package))
            found = registered.tree_of(package.version) if registered else ""
            return [f"{TREE}:{found}"] if found else []

        said = {name: said_of(package, trees(package)) for name, package in packages.items()}
        return {name: text for name, text in said.items() if text}

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the tarballs of packages on this machine, each checked by its git tree.

        Raises StepError, UnreachableError.
        """

        def fetch_package(name: str) -> Path:
            package = packages[name]
            tree = package.digest.removeprefix(f"{TREE}:")
            return self._trees.fetch(
                f"{name} {package.version}", upstream(SERVER, package.file), tree
            )

        return by_item(fetch_package, packages, at_once=_AT_ONCE)

    def _resolve(self, request: PackageRequest) -> dict[str, LockedPackage]:
        registry = self._registries.load()
        world = self._world(request, registry)
        roots = _roots(request, registry, world.stdlibs)
        try:
            versions = solve(world, roots, request.target.id)
        except NoneFitError as error:
            raise _no_versions(request, error) from None
        except ValueError as error:
            raise StepError(f"a Julia registry cannot be read: {error}") from error
        chosen = {uuid: version for uuid, version in versions.items() if uuid not in world.fixed}
        locked = {
            registry.packages[uuid].name: _locked(registry.packages[uuid], version)
            for uuid, version in chosen.items()
        }
        return dict(sorted(locked.items()))

    def _world(self, request: PackageRequest, registry: Registry) -> World:
        return World(
            registry=registry,
            julia=request.language("julia"),
            stdlibs=self._bundled(request),
            fixed={
                _uuid(package): (name, package.version)
                for name, package in request.inherited.items()
            },
            introduced_by={
                _uuid(package): request.introduced_by[name]
                for name, package in request.inherited.items()
                if name in request.introduced_by
            },
            preferred={_uuid(package): package.version for package in request.preferred.values()},
            limits={
                registry.names[name].uuid: (limit, _limit(name, limit))
                for name, limit in request.constraints.items()
                if name in registry.names
            },
        )

    def _bundled(self, request: PackageRequest) -> Mapping[str, Stdlib]:
        """Return the packages that come with the Julia of the request, read from its tarball."""
        for file in request.archives:
            if file.sha256 not in self._stdlibs:
                packages = stdlibs(self._fetcher.file(file), request.language("julia"))
                self._stdlibs[file.sha256] = packages
            return self._stdlibs[file.sha256]
        raise NoPackageError(
            f"{request.target.id} has Julia packages, but no release line of Julia with a tarball",
            package=request.names[0],
            hint="`needs: [julia]` in its recipe.yaml says that its parent must have Julia",
        )


def _key(request: PackageRequest) -> str:
    """Return all that the result depends on, except the registries."""
    parts = (request.inherited, request.preferred, request.constraints)
    return str(
        (
            sorted(request.names),
            request.language("julia"),
            [file.sha256 for file in request.archives],
            *(sorted(part.items()) for part in parts),
        )
    )


def _roots(
    request: PackageRequest, registry: Registry, bundled: Mapping[str, Stdlib]
) -> list[Registered]:
    """Return the packages that the recipe names, without those that come with Julia."""
    present = {stdlib.name for stdlib in bundled.values()} | set(request.inherited)
    roots = []
    for name in sorted({*request.names} - present):
        if name not in registry.names:
            raise NoPackageError(
                f"no Julia registry has a package {name}, which {request.target.id} asks for",
                package=name,
                hint=did_you_mean(name, registry.names),
            )
        roots.append(registry.names[name])
    return roots


def _no_versions(request: PackageRequest, error: NoneFitError) -> StepError:
    reasons = "\n".join(f"    {line}" for line in error.reasons)
    text = str(error)
    owners = sorted({owner for owner in request.introduced_by.values() if f"{owner} has" in text})
    hint = f"the packages of {', '.join(owners)} stay: " if owners else ""
    return StepError(
        f"no versions of the Julia packages of {request.target.id} fit together:\n{reasons}",
        hint=f"{hint}run `builder lock --upgrade`, or ask for other packages",
    )


def _limit(name: str, text: str) -> tuple[Range, ...]:
    try:
        return parse_limit(text)
    except ValueError as error:
        raise ConfigError(
            f"pin: julia {name}: {error}", hint="write it as in [compat]: 1.2, ~1.2.3, =1.2.3"
        ) from None


def _locked(package: Registered, version: str) -> LockedPackage:
    tree = package.tree(version)
    return LockedPackage(
        version=version,
        digest=f"{TREE}:{tree}",
        source=package.registry,
        file=f"package/{package.uuid}/{tree}",
    )


def _uuid(package: LockedPackage) -> str:
    return package.file.split("/")[1]
