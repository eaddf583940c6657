"""Lock the jars that a target adds, and fetch them by their hash."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from builder.catalog.models import RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common import archives
from builder.common.errors import NoPackageError, StepError, UnreachableError
from builder.common.parallel import by_item, in_parallel
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import Fetcher, MissingError
from builder.network.upstreams import upstream
from builder.resolvers.interfaces import said_of
from builder.resolvers.maven.poms import Coordinates, Dependency, Project, Projects
from builder.resolvers.maven.solver import Artifact, solve

SOURCE = "maven"
ALONE = "@jar"
_HADOOP = re.compile(r"(?:.*/)?hadoop-client-api-(\d[\w.-]*)\.jar")
_REQUEST = re.compile(r"(?P<group>[\w.-]+):(?P<name>[\w.-]+):(?P<version>[^\s@]+)(?P<alone>@jar)?")
_ALL = frozenset({"*:*"})


class MavenResolver:
    """Locks jars `group:name:version` of Maven's repository, with all that they need.

    A version may be a property that Hadoop's own build knows, where a release line brings a Hadoop;
    what that build manages holds then. Each jar is locked with the file of its project.
    `download` gets the file of a release line.
    """

    def __init__(self, *, fetcher: Fetcher, download: Callable[[RemoteFile], Path]) -> None:
        self._fetcher = fetcher
        self._download = download
        self._projects = Projects(lambda path: fetcher.text(upstream(SOURCE, path), "a project"))
        self._guard = threading.Lock()
        self._hadoops: dict[str, str] = {}
        self._resolved: dict[tuple[object, ...], Mapping[str, LockedPackage]] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError."""
        with self._guard:  # equal requests of several targets are resolved once
            key = request.names, tuple(file.sha256 for file in request.archives)
            if key not in self._resolved:
                self._resolved[key] = self._resolve(request)
        return {
            name: package
            for name, package in self._resolved[key].items()
            if name not in request.inherited
        }

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate; names have exact versions."""
        return all(key_of(name) in locked for name in request.names)

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked. Raises as `resolve` does."""

        def fetch_package(name: str) -> Path:
            package = packages[name]
            url = upstream(SOURCE, package.file)
            return self._fetcher.file(
                RemoteFile(name=package.file_name, url=url, sha256=package.hash)
            )

        return by_item(fetch_package, packages)

    def differing(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, str]:
        """Return what the repository has in place of packages: all are fetched again."""

        def ask(package: LockedPackage) -> str:
            try:
                file = self._fetcher.record(
                    package.file_name, upstream(SOURCE, package.file), again=True
                )
            except MissingError:
                return said_of(package, [])
            return said_of(package, [f"sha256:{file.sha256}"])

        said = zip(packages, in_parallel(ask, packages.values()), strict=True)
        return {name: text for name, text in said if text}

    def _resolve(self, request: PackageRequest) -> dict[str, LockedPackage]:
        root = self._root(request)
        wanted = [_wanted(name, request) for name in request.names]
        try:
            chosen = solve(self._projects, root, wanted)
            files = dict(_files(chosen.values()))
            digests = in_parallel(self._sha256, files.values())
        except UnreachableError:
            raise
        except MissingError as error:
            raise NoPackageError(
                f"Maven's repository lacks what {request.target.id} needs: {error.message}",
                package=request.names[0],
                hint="are the names and versions right?",
            ) from error
        packages = {
            name: LockedPackage(
                version=version, digest=f"sha256:{digest}", source=SOURCE, file=path
            )
            for (name, (version, path)), digest in zip(files.items(), digests, strict=True)
        }
        return dict(sorted(packages.items()))

    def _sha256(self, item: tuple[str, str]) -> str:
        _, path = item
        return self._fetcher.record(path.rpartition("/")[2], upstream(SOURCE, path)).sha256

    def _root(self, request: PackageRequest) -> Project:
        """Return the project that all are dependencies of: a child of Hadoop's, if there is one."""
        own = Coordinates(group="builder", name="jars", version="1")
        hadoop = next(filter(None, map(self._hadoop, request.archives)), "")
        if not hadoop:
            return Project(coordinates=own)
        at = Coordinates(group="org.apache.hadoop", name="hadoop-project", version=hadoop)
        parent = self._projects.project(at)
        return replace(parent, coordinates=replace(own, version=hadoop), dependencies={})

    def _hadoop(self, file: RemoteFile) -> str:
        """Return the version of the Hadoop in a file of a release line, or ""."""
        if file.sha256 not in self._hadoops:
            with archives.opened(self._download(file), file.name) as tar:
                names = (_HADOOP.fullmatch(member.name) for member in archives.members(tar))
                self._hadoops[file.sha256] = next((match[1] for match in names if match), "")
        return self._hadoops[file.sha256]


def key_of(name: str) -> str:
    """Return the key in the lock of what a recipe names."""
    return ":".join(name.removesuffix(ALONE).split(":")[:2])


def _wanted(name: str, request: PackageRequest) -> Dependency:
    match = _REQUEST.fullmatch(name)
    if match is None:
        raise NoPackageError(
            f"{name} is not the name of a package of Maven (recipe {request.target.recipe})",
            package=name,
            hint="write group:name:version, with @jar at its end for the jar alone",
        )
    return Dependency(
        group=match["group"],
        name=match["name"],
        version=match["version"],
        exclusions=_ALL if match["alone"] else frozenset(),
    )


def _files(artifacts: Iterable[Artifact]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the key, the version and the path of each jar, and of its project."""
    for artifact in artifacts:
        at, classifier = artifact.coordinates, artifact.classifier
        name = f"{at.group}:{at.name}"
        yield f"{name}@pom", (at.version, at.path(".pom"))
        if artifact.kind == "jar":
            suffix = f"-{classifier}" if classifier else ""
            key = f"{name}:{classifier}" if classifier else name
            yield key, (at.version, at.path(f"{suffix}.jar"))
        elif artifact.kind != "pom":
            raise StepError(f"{at} is a {artifact.kind}, which cannot be locked")
