"""The ecosystem `maven`: jars of Maven's repository."""

from __future__ import annotations

import re
from collections.abc import Mapping

from builder.catalog.ecosystem import Language
from builder.catalog.package_shape import PackageShape
from builder.catalog.packages import LockedPackage, PackageIdentity, PackageSurroundings
from builder.network.upstreams import upstream
from builder.resolvers.interfaces import Ecosystem, ResolverTools
from builder.resolvers.maven.packages import SOURCE, MavenResolver, key_of

_KEY = re.compile(r"([A-Za-z0-9._-]+):([A-Za-z0-9._-]+)(?::([A-Za-z0-9._-]+))?(@pom)?")


def _is_met(request: str, packages: Mapping[str, LockedPackage]) -> bool:
    return key_of(request) in packages


def _is_file_of(name: str, package: LockedPackage) -> bool:
    match = _KEY.fullmatch(name)
    if match is None:
        return False
    group, artifact, classifier, is_pom = match.groups()
    folder = f"{group.replace('.', '/')}/{artifact}/{package.version}"
    suffix = f"-{classifier}" if classifier else ""
    ending = ".pom" if is_pom else ".jar"
    return package.file == f"{folder}/{artifact}-{package.version}{suffix}{ending}"


def _identity(
    name: str, package: LockedPackage, surroundings: PackageSurroundings
) -> PackageIdentity | None:
    match = _KEY.fullmatch(name)
    if match is None or match[4]:  # a pom only describes a package
        return None
    return PackageIdentity(
        type="maven",
        namespace=match[1],
        name=match[2],
        version=package.version,
        qualifiers={"classifier": match[3] or ""},
    )


def _resolver(tools: ResolverTools) -> MavenResolver:
    return MavenResolver(fetcher=tools.fetcher, download=tools.download or tools.fetcher.file)


MAVEN = Ecosystem(
    name="maven",
    # Spark's archive says with which Hadoop it was made: `.tar.gz` and `.tgz`.
    languages=(Language(axis="spark", file_suffix="gz"),),
    is_met=_is_met,
    has_cooldown=True,  # versions are exact: a recipe or a Hadoop names them
    shape=PackageShape(
        name=_KEY,
        source=re.compile(SOURCE),
        digests=("sha256",),
        is_file_of=_is_file_of,
    ),
    file_path=lambda package: package.file,  # two projects may have a file of one name
    url_of=lambda package: upstream(SOURCE, package.file),
    identity=_identity,
    resolver=_resolver,
)
