"""What comes with Julia: packages, and the libraries of its compiler; read from its own tarball."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.common.archives import content, members, opened
from builder.common.errors import StepError
from builder.common.limits import ARCHIVE_TEXT, read_toml

_PROJECT = re.compile(r"[^/]+/share/julia/stdlib/v[^/]+/([^/]+)/Project\.toml")
_PKG = re.compile(r"[^/]+/share/julia/stdlib/v[^/]+/Pkg/src/Types\.jl")
# The compiler's libraries tell its version, where Julia's own description of its build does not.
_BUILD = re.compile(r"[^/]+/share/julia/base/build_h\.jl")
_TRIPLET = re.compile(r'const BUILD_TRIPLET = "([^"]*)"')
_OF_TRIPLET = re.compile(r"-libgfortran(?P<libgfortran>\d+)|-(?P<cxx>cxx\d\d)")
_LIBGFORTRAN = re.compile(r"[^/]+/lib/(?:.*/)?libgfortran\.so\.(\d+)")
_LIBSTDCXX = re.compile(r"[^/]+/lib/(?:.*/)?libstdc\+\+\.so\.6\.0\.(\d+)")
# Packages that come with Julia and can be upgraded; Pkg has two names for the list, by version.
_UPGRADABLE = re.compile(r"const (?:UPGRADABLE|FORMER)_STDLIBS = \[(.*?)\]", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Stdlib:
    """A package that comes with Julia; no other version of it can be installed."""

    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What comes with a Julia.

    `packages` by uuid are those that no other version of can be installed: not those that Pkg may
    upgrade. `compiler` says for which compiler its binaries are, in the words of Artifacts.toml.
    """

    packages: Mapping[str, Stdlib]
    compiler: Mapping[str, str]


def bundle(tarball: Path, julia: str) -> Bundle:
    """Return what is in the tarball of Julia. Raises StepError.

    `julia` is its exact version, also that of packages that state none.
    """
    packages: dict[str, Stdlib] = {}
    upgradable: set[str] = set()
    compiler, by_file = {}, {"cxxstring_abi": "cxx11"}
    what = f"the tarball of Julia {julia}"
    with opened(tarball, what) as tar:
        for member in members(tar):
            by_file |= _of_library(member.name)
            if _PKG.fullmatch(member.name):
                match = _UPGRADABLE.search(_text(tar, member))
                upgradable |= set(re.findall(r'"(\w+)"', match[1] if match else ""))
            elif _BUILD.fullmatch(member.name):
                compiler = dict(_of_build(_text(tar, member)))
            elif _PROJECT.fullmatch(member.name):
                uuid, package = _stdlib(tar, member, what, julia)
                packages[uuid] = package
    if not packages:
        raise StepError(f"{what} has no standard library")
    own = {uuid: it for uuid, it in packages.items() if it.name not in upgradable}
    return Bundle(packages=own, compiler={**by_file, **compiler})


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    return content(tar, member, ARCHIVE_TEXT).decode(errors="replace")


def _stdlib(
    tar: tarfile.TarFile, member: tarfile.TarInfo, what: str, julia: str
) -> tuple[str, Stdlib]:
    path = member.name
    project = read_toml(content(tar, member, ARCHIVE_TEXT), ARCHIVE_TEXT, f"{what}: {path}")
    if not isinstance(project.get("uuid"), str) or not isinstance(project.get("name"), str):
        raise StepError(f"{what}: {path} has no uuid and name")
    version = str(project.get("version", julia))
    return project["uuid"], Stdlib(name=project["name"], version=version)


def _of_library(path: str) -> dict[str, str]:
    if match := _LIBGFORTRAN.fullmatch(path):
        return {"libgfortran_version": f"{match[1]}.0.0"}
    if match := _LIBSTDCXX.fullmatch(path):
        return {"libstdcxx_version": f"3.4.{match[1]}"}
    return {}


def _of_build(text: str) -> Iterator[tuple[str, str]]:
    """Yield what Julia says of its own build: `x86_64-linux-gnu-libgfortran5-cxx11`."""
    triplet = _TRIPLET.search(text)
    for match in _OF_TRIPLET.finditer(triplet[1] if triplet else ""):
        if match["libgfortran"]:
            yield "libgfortran_version", f"{match['libgfortran']}.0.0"
        else:
            yield "cxxstring_abi", match["cxx"]
