"""The ecosystem `julia`: packages of Julia's registries."""

from __future__ import annotations

import re
from collections.abc import Mapping

from builder.catalog.ecosystem import Language, MirrorVariable, PinSyntax, RequestSyntax
from builder.catalog.package_shape import PackageShape, is_former
from builder.catalog.packages import LockedPackage, PackageIdentity, PackageSurroundings
from builder.resolvers.interfaces import Ecosystem
from builder.resolvers.julia.artifacts import NAME
from builder.resolvers.julia.packages import LAZY, TREE, TREE_SHA256, JuliaResolver

_PROBE = r"""
for depot in $(printf '%s' "$JULIA_DEPOT_PATH" | tr ':' ' '); do
    for file in "$depot"/packages/*/*/Project.toml "$depot"/packages/*/*/JuliaProject.toml; do
        [ -f "$file" ] || continue
        folder=${file%/*}
        name=$(basename "${folder%/*}")
        version=$(sed -n 's/^version *= *"\(.*\)".*/\1/p' "$file")
        printf 'julia\t%s\t%s\t%sk\n' "$name" "$version" "$(kilobytes "$folder")"
    done
done
"""

_PACKAGE = r"[^\W\d_]\w{0,127}"  # letters of any script
_TREE = r"[0-9a-f]{40}"
_PACKAGE_FILE = re.compile(rf"package/[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}/{_TREE}")
_ARTIFACT_FILE = re.compile(rf"artifact/{_TREE}")


def _list_line(name: str, package: LockedPackage) -> str:
    """Return where the installer finds it: by its uuid, or `artifact`, and by its git trees.

    The second tree is `-` in an older lock, which has no artifacts.
    """
    _, *uuid, tree = package.file.split("/")
    sha256 = "-" if is_former(package) else package.hash
    return " ".join((name, package.version, *(uuid or ["artifact"]), tree, sha256))


def _is_file_of(name: str, package: LockedPackage) -> bool:
    """Whether a file is of the kind that a key says, and has the trees that the key and digest say.

    Only older locks have the tree by SHA-1 for a digest, and they have no artifacts.
    """
    is_artifact = ":" in name
    pattern = _ARTIFACT_FILE if is_artifact else _PACKAGE_FILE
    if not pattern.fullmatch(package.file) or (is_artifact and is_former(package)):
        return False
    trees = [*name.split(":")[2:], *([package.hash] if is_former(package) else [])]
    return all(tree == package.file_name for tree in trees)


def _is_met(request: str, packages: Mapping[str, LockedPackage]) -> bool:
    return request.removesuffix(LAZY) in packages


def _is_listed(name: str) -> bool:
    return ":" not in name


def _identity(
    name: str, package: LockedPackage, surroundings: PackageSurroundings
) -> PackageIdentity:
    """Return a package by its uuid; what it downloads besides has none."""
    kind, *folders, _tree = package.file.split("/")
    if kind != "package" or not folders:
        return PackageIdentity(type="generic", name=name, version=package.version)
    return PackageIdentity(
        type="julia", name=name, version=package.version, qualifiers={"uuid": folders[0]}
    )


JULIA = Ecosystem(
    name="julia",
    languages=(Language(axis="julia", ecosystem="apt", package="julia", file_suffix=".tar.gz"),),
    request=RequestSyntax(pattern=re.compile(rf"[^\W\d_]\w*(?:{LAZY})?"), example="CSV"),
    is_met=_is_met,
    pins=PinSyntax(example='CSV: "~0.10.14"'),
    shape=PackageShape(
        name=re.compile(rf"{_PACKAGE}(?::{NAME}(?::{_TREE})?)?"),
        source=re.compile(r"\w[\w.-]{0,127}"),
        digests=(TREE_SHA256, TREE),
        is_file_of=_is_file_of,
    ),
    list_line=_list_line,
    mirror_variables=(MirrorVariable(source="julia-packages", name="JULIA_PKG_SERVER", path=""),),
    probe=_PROBE,
    is_compared=True,
    is_listed=_is_listed,
    identity=_identity,
    resolver=lambda tools: JuliaResolver(fetcher=tools.fetcher),
)
