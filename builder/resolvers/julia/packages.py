"""Lock the Julia packages that a target adds, with their artifacts, and fetch them by git tree.

An artifact is an entry of its own, `package:artifact`. A lazy one is locked only where the recipe
asks for it: `MKL_jll@lazy` is the package with its lazy artifacts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from builder.catalog.package_shape import is_former
from builder.catalog.packages import LockedPackage
from builder.common.errors import ConfigError, NoPackageError, StepError
from builder.common.parallel import by_item
from builder.common.text import did_you_mean
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import Fetcher
from builder.network.upstreams import upstream
from builder.resolvers.interfaces import said_of
from builder.resolvers.julia.artifacts import Artifact, Tags, chosen, platform_tags, tables
from builder.resolvers.julia.git_tree import GitTrees, Tree
from builder.resolvers.julia.registry import SERVER, Registered, Registries, Registry
from builder.resolvers.julia.solver import NoneFitError, World, solve
from builder.resolvers.julia.stdlib import Bundle, Stdlib, bundle
from builder.resolvers.julia.versions import Range, parse_limit

_AT_ONCE = 4
LAZY = "@lazy"
TREE = "git-tree-sha1"
TREE_SHA256 = "git-tree-sha256"


class JuliaResolver:
    """Locks Julia packages, for the Julia of a release line, without those that come with it.

    The file of a package is its path at a package server, `package/<uuid>/<tree>`, that of an
    artifact `artifact/<tree>`; its source is the name of the registry. The digest is the tree by
    SHA-256. Older locks have the tree by SHA-1, and no artifacts.
    """

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._trees = GitTrees(fetcher=fetcher)
        self._registries = Registries(fetcher=fetcher, trees=self._trees)
        self._guard = threading.Lock()
        self._resolved: dict[str, Mapping[str, LockedPackage]] = {}
        self._bundles: dict[str, Bundle] = {}

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
        """Return what registries and packages say of entries that they do not state as they are.

        The content of each is fetched, unless it is here already.
        """
        registry = self._registries.load()
        has_artifacts = any(":" in name for name in packages)
        platform = self._platform(request) if has_artifacts else {}

        def ask(name: str) -> str:
            package = packages[name]
            trees = list(self._stated(registry, name, package, platform))
            if package.file_name not in trees:
                stated = [f"{TREE}:{tree}" for tree in trees]
                return said_of(replace(package, digest=f"{TREE}:{package.file_name}"), stated)
            return said_of(package, _digests(self._tree(name, package)))

        said = by_item(ask, packages, at_once=_AT_ONCE)
        return {name: text for name, text in said.items() if text}

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the tarballs of packages on this machine, each checked by its git tree.

        Raises StepError, UnreachableError.
        """

        def fetch_package(name: str) -> Path:
            package = packages[name]
            return self._tree(name, package, "" if is_former(package) else package.hash).path

        return by_item(fetch_package, packages, at_once=_AT_ONCE)

    def _tree(self, name: str, package: LockedPackage, sha256: str = "") -> Tree:
        return self._trees.fetch(
            f"{name} {package.version}",
            upstream(SERVER, package.file),
            package.file_name,
            sha256=sha256,
        )

    def _stated(
        self, registry: Registry, name: str, package: LockedPackage, platform: Tags
    ) -> Iterator[str]:
        """Yield the trees that are stated of an entry of the lock, by SHA-1."""
        owner, is_artifact, artifact = name.partition(":")
        registered = registry.names.get(owner)
        if not is_artifact:
            registered = registry.packages.get(_uuid(package))
        tree = registered.tree_of(package.version) if registered else ""
        if not tree or not registered:
            return
        if not is_artifact:
            yield tree
            return
        file = f"package/{registered.uuid}/{tree}"
        for item in self._artifacts(owner, replace(package, file=file), platform):
            if item.name == artifact.partition(":")[0]:
                yield item.tree

    def _artifacts(self, name: str, package: LockedPackage, platform: Tags) -> Iterator[Artifact]:
        what = f"{name} {package.version}"
        yield from chosen(tables(self._tree(name, package).path, what), platform, what)

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
        packages = {
            registry.packages[uuid].name: _locked(registry.packages[uuid], version)
            for uuid, version in versions.items()
            if uuid not in world.fixed
        }
        packages |= self._new_artifacts(request, packages)
        digests = by_item(
            lambda name: _digests(self._tree(name, packages[name]))[0], packages, at_once=_AT_ONCE
        )
        return {name: replace(packages[name], digest=digests[name]) for name in sorted(packages)}

    def _new_artifacts(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> dict[str, LockedPackage]:
        """Return the artifacts that packages need, by their key in the lock."""
        platform = self._platform(request)
        lazy = {name.removesuffix(LAZY) for name in request.names if name.endswith(LAZY)}
        # A child may ask for the lazy ones of what an ancestor has.
        owners = {**{name: request.inherited[name] for name in lazy & request.inherited.keys()},
                  **packages}  # fmt: skip

        def of(name: str) -> list[tuple[str, LockedPackage]]:
            package = owners[name]
            return [
                (_artifact_key(name, item), replace(package, file=f"artifact/{item.tree}"))
                for item in self._artifacts(name, package, platform)
                if not item.is_lazy or name in lazy
            ]

        found = by_item(of, owners, at_once=_AT_ONCE)
        return {
            key: artifact
            for items in found.values()
            for key, artifact in items
            if key not in request.inherited
        }

    def _platform(self, request: PackageRequest) -> Tags:
        arch = request.base.platform.partition("/")[2]
        julia = request.language("julia")
        return platform_tags(arch, julia, self._bundle(request).compiler)

    def _world(self, request: PackageRequest, registry: Registry) -> World:
        return World(
            registry=registry,
            julia=request.language("julia"),
            stdlibs=self._bundle(request).packages,
            fixed={
                _uuid(package): (name, package.version)
                for name, package in _only_packages(request.inherited).items()
            },
            introduced_by={
                _uuid(package): request.introduced_by[name]
                for name, package in _only_packages(request.inherited).items()
                if name in request.introduced_by
            },
            preferred={
                _uuid(package): package.version
                for package in _only_packages(request.preferred).values()
            },
            limits={
                registry.names[name].uuid: (limit, _limit(name, limit))
                for name, limit in request.constraints.items()
                if name in registry.names
            },
        )

    def _bundle(self, request: PackageRequest) -> Bundle:
        """Return what comes with the Julia of the request, read from its tarball."""
        for file in request.archives:
            if file.sha256 not in self._bundles:
                found = bundle(self._fetcher.file(file), request.language("julia"))
                self._bundles[file.sha256] = found
            return self._bundles[file.sha256]
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
    for name in sorted({name.removesuffix(LAZY) for name in request.names} - present):
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


def _artifact_key(name: str, artifact: Artifact) -> str:
    """Return the key of an artifact in the lock; where a package may take one of several, each."""
    tree = f":{artifact.tree}" if artifact.is_one_of_several else ""
    return f"{name}:{artifact.name}{tree}"


def _digests(tree: Tree) -> tuple[str, str]:
    return f"{TREE_SHA256}:{tree.sha256}", f"{TREE}:{tree.sha1}"


def _only_packages(entries: Mapping[str, LockedPackage]) -> Mapping[str, LockedPackage]:
    return {name: entry for name, entry in entries.items() if ":" not in name}


def _uuid(package: LockedPackage) -> str:
    return package.file.split("/")[1]
