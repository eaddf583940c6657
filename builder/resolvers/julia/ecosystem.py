"""The ecosystem `julia`: packages of Julia's registries."""

from __future__ import annotations

import re

from builder.catalog.ecosystem import Language, MirrorVariable, PinSyntax, RequestSyntax
from builder.catalog.package_shape import PackageShape
from builder.catalog.packages import LockedPackage
from builder.resolvers.interfaces import Ecosystem
from builder.resolvers.julia.packages import JuliaResolver

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


_FILE = re.compile(r"package/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{40}")


def _list_line(name: str, package: LockedPackage) -> str:
    """Return its uuid and the git tree of which its file is made: `package/<uuid>/<tree>`."""
    _, uuid, tree = package.file.split("/")
    return f"{name} {package.version} {uuid} {tree}"


def _is_file_of(_name: str, package: LockedPackage) -> bool:
    return _FILE.fullmatch(package.file) is not None and package.file.endswith(package.hash)


JULIA = Ecosystem(
    name="julia",
    languages=(Language(axis="julia", ecosystem="apt", package="julia", file_suffix=".tar.gz"),),
    request=RequestSyntax(pattern=re.compile(r"[^\W\d_]\w*"), example="CSV"),
    pins=PinSyntax(example='CSV: "~0.10.14"'),
    shape=PackageShape(
        name=re.compile(r"[^\W\d_]\w{0,127}"),  # letters of any script
        source=re.compile(r"\w[\w.-]{0,127}"),
        digests=("git-tree-sha1",),
        is_file_of=_is_file_of,
    ),
    list_line=_list_line,
    mirror_variables=(MirrorVariable(source="julia-packages", name="JULIA_PKG_SERVER", path=""),),
    probe=_PROBE,
    is_compared=True,
    resolver=lambda tools: JuliaResolver(fetcher=tools.fetcher),
)
