"""The ecosystem `npm`: packages of npm, each with the tree of what it needs."""

from __future__ import annotations

import re

from builder.catalog.ecosystem import MirrorVariable, RequestSyntax
from builder.catalog.package_shape import PackageShape
from builder.catalog.packages import LockedPackage, PackageIdentity, PackageSurroundings
from builder.resolvers.interfaces import Ecosystem, ResolverTools
from builder.resolvers.npm.packages import NpmResolver
from builder.resolvers.npm.registry import NpmPackages

_PROBE = r"""
if has npm; then
    for file in "$(npm root --global)"/*/package.json "$(npm root --global)"/@*/*/package.json; do
        [ -f "$file" ] || continue
        text=$(sed -nE 's/^  "(name|version)": "(.*)",?$/\2/p' "$file" | paste -sd '\t')
        printf 'npm\t%s\t%sk\n' "$text" "$(kilobytes "${file%/*}")"
    done
fi
"""


def _file_path(package: LockedPackage) -> str:
    """Return where npm's cache has a file: it finds one by its hash."""
    digest = package.hash
    return f"_cacache/content-v2/sha512/{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def _is_file_of(key: str, package: LockedPackage) -> bool:
    name, _, version = key.rpartition("@")
    plain_name = name.rpartition("/")[2]
    return (
        version == package.version
        and package.file == f"{name}/-/{plain_name}-{package.version}.tgz"
    )


def _identity(
    key: str, package: LockedPackage, surroundings: PackageSurroundings
) -> PackageIdentity:
    scope, _, name = key.rpartition("@")[0].rpartition("/")
    return PackageIdentity(type="npm", namespace=scope, name=name, version=package.version)


def _resolver(tools: ResolverTools) -> NpmResolver:
    packages = NpmPackages(runner=tools.runner, network=tools.network)
    return NpmResolver(packages=packages, fetcher=tools.fetcher)


# What is installed is not compared: npm checks each file by its hash, and keeps no list of them.
NPM = Ecosystem(
    name="npm",
    has_cooldown=True,
    request=RequestSyntax(
        pattern=re.compile(
            r"(?:@[a-z0-9][a-z0-9._~-]*/)?[A-Za-z0-9][A-Za-z0-9._~-]*@[0-9*][0-9A-Za-z.+*-]*"
        ),
        example="code-server@4.100.0",
    ),
    shape=PackageShape(
        name=re.compile(r"(?:@[a-z0-9._~-]+/)?[A-Za-z0-9._~-]+@[0-9A-Za-z.+-]+"),
        source=re.compile("npm"),
        digests=("sha512",),
        is_file_of=_is_file_of,
    ),
    list_line=lambda name, package: f"{package.hash}  {name}",
    file_path=_file_path,
    mirror_variables=(MirrorVariable(source="npm", name="NPM_CONFIG_REGISTRY"),),
    probe=_PROBE,
    identity=_identity,
    resolver=_resolver,
)
