"""The packages of Julia that a target adds: chosen of the registries, fetched by their git tree.

The binaries of a package (of a JLL) are named by their hashes in its own Artifacts.toml, and so are
fixed by the hash of the package. They are not fetched here: Pkg does, in the build.
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
from builder.resolvers.julia.git_tree import GitTrees
from builder.resolvers.julia.registry import SERVER, Registered, Registries, Registry
from builder.resolvers.julia.solver import NoneFitError, World, solve
from builder.resolvers.julia.stdlib import Stdlib, stdlibs
from builder.resolvers.julia.versions import Range, parse_limit

_AT_ONCE = 4
TREE = "git-tree-sha1"


class JuliaResolver:
    """Layers of Julia's packages, for the Julia of a line. What comes with that is in no layer.

    The file of a package is its path at a package server, `package/<uuid>/<tree>`; its source is
    the name of the registry.
    """

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._trees = GitTrees(fetcher=fetcher)
        self._registries = Registries(fetcher=fetcher, trees=self._trees)
        self._guard = threading.Lock()
        self._known: dict[str, Mapping[str, LockedPackage]] = {}
        self._stdlibs: dict[str, Mapping[str, Stdlib]] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError.

        Targets that ask for the same are asked for once.
        """
        with self._guard:
            key = _key(request)
            if key not in self._known:
                self._known[key] = self._resolve(request)
            return self._known[key]

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate: the solver says so by solving."""
        return False

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the tarballs of packages on this machine; each has the git tree it must have.

        Raises StepError, UnreachableError.
        """

        def one(name: str) -> Path:
            it = packages[name]
            tree = it.digest.removeprefix(f"{TREE}:")
            return self._trees.fetch(f"{name} {it.version}", upstream(SERVER, it.file), tree)

        return by_item(one, packages, at_once=_AT_ONCE)

    def _resolve(self, request: PackageRequest) -> dict[str, LockedPackage]:
        registry = self._registries.load()
        world = self._world(request, registry)
        roots = _roots(request, registry, world.stdlibs)
        try:
            found = solve(world, roots, request.target.id)
        except NoneFitError as error:
            raise _none(request, error) from None
        except ValueError as error:
            raise StepError(f"a registry of Julia is not understood: {error}") from error
        chosen = {uuid: version for uuid, version in found.items() if uuid not in world.fixed}
        locked = {
            registry.packages[uuid].name: _locked(registry.packages[uuid], version)
            for uuid, version in chosen.items()
        }
        return dict(sorted(locked.items()))

    def _world(self, request: PackageRequest, registry: Registry) -> World:
        return World(
            registry=registry,
            julia=request.language("julia"),
            stdlibs=self._brought(request),
            fixed={_uuid(it): (name, it.version) for name, it in request.inherited.items()},
            owners={
                _uuid(it): request.introduced_by[name]
                for name, it in request.inherited.items()
                if name in request.introduced_by
            },
            kept={_uuid(it): it.version for it in request.preferred.values()},
            limits={
                registry.names[name].uuid: (limit, _limit(name, limit))
                for name, limit in request.constraints.items()
                if name in registry.names
            },
        )

    def _brought(self, request: PackageRequest) -> Mapping[str, Stdlib]:
        """Return what comes with the Julia of the request, as its tarball says."""
        for file in request.archives:
            if file.sha256 not in self._stdlibs:
                found = stdlibs(self._fetcher.file(file), request.language("julia"))
                self._stdlibs[file.sha256] = found
            return self._stdlibs[file.sha256]
        raise NoPackageError(
            f"{request.target.id} asks for packages of Julia, and has no line of it in a tarball",
            package=request.names[0],
            hint="`needs: [julia]` in its recipe.yaml says that its parent must have Julia",
        )


def _key(request: PackageRequest) -> str:
    """Return all that an answer depends on, except the registries."""
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
    request: PackageRequest, registry: Registry, brought: Mapping[str, Stdlib]
) -> list[Registered]:
    """Return the packages that are asked for by name, but those that come with Julia."""
    names = {it.name for it in brought.values()} | set(request.inherited)
    found = []
    for name in sorted({*request.names} - names):
        if name not in registry.names:
            raise NoPackageError(
                f"no registry of Julia has a package {name}, which {request.target.id} asks for",
                package=name,
                hint=did_you_mean(name, registry.names),
            )
        found.append(registry.names[name])
    return found


def _none(request: PackageRequest, error: NoneFitError) -> StepError:
    said = "\n".join(f"    {line}" for line in error.reasons)
    text = str(error)
    owners = sorted({it for it in request.introduced_by.values() if f"{it} has" in text})
    hint = f"what {', '.join(owners)} has stays as it is: " if owners else ""
    return StepError(
        f"no versions of Julia's packages fit for {request.target.id}:\n{said}",
        hint=f"{hint}builder lock --upgrade, or ask for other packages",
    )


def _limit(name: str, text: str) -> tuple[Range, ...]:
    try:
        return parse_limit(text)
    except ValueError as error:
        raise ConfigError(
            f"hold: julia {name}: {error}", hint="write it as in [compat]: 1.2, ~1.2.3, =1.2.3"
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
