"""The ecosystem `julia`: packages of Julia's registries."""

from __future__ import annotations

from builder.catalog.ecosystem import Language, MirrorVariable, PinSyntax
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


def _list_line(name: str, package: LockedPackage) -> str:
    """Return its uuid and the git tree of which its file is made: `package/<uuid>/<tree>`."""
    _, uuid, tree = package.file.split("/")
    return f"{name} {package.version} {uuid} {tree}"


JULIA = Ecosystem(
    name="julia",
    languages=(Language(axis="julia", ecosystem="apt", package="julia", file_suffix=".tar.gz"),),
    pins=PinSyntax(example='CSV: "~0.10.14"'),
    list_line=_list_line,
    mirror_variables=(MirrorVariable(source="julia-packages", name="JULIA_PKG_SERVER", path=""),),
    probe=_PROBE,
    is_compared=True,
    resolver=lambda tools: JuliaResolver(fetcher=tools.fetcher),
)
