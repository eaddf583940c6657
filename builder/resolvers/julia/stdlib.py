"""The packages that come with Julia, read from its own tarball."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.common.archives import content, members, opened
from builder.common.errors import StepError
from builder.common.limits import ARCHIVE_TEXT, read_toml

_PROJECT = re.compile(r"[^/]+/share/julia/stdlib/v[^/]+/([^/]+)/Project\.toml")
_PKG = re.compile(r"[^/]+/share/julia/stdlib/v[^/]+/Pkg/src/Types\.jl")
# Packages that come with Julia and can be upgraded; Pkg has two names for the list, by version.
_UPGRADABLE = re.compile(r"const (?:UPGRADABLE|FORMER)_STDLIBS = \[(.*?)\]", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Stdlib:
    """A package that comes with Julia; no other version of it can be installed."""

    name: str
    version: str


def stdlibs(tarball: Path, julia: str) -> Mapping[str, Stdlib]:
    """Return the packages that come with Julia, by uuid; not those that Pkg may upgrade.

    `julia` is its exact version, also that of packages that state none. Raises StepError.
    """
    packages: dict[str, Stdlib] = {}
    upgradable: set[str] = set()
    what = f"the tarball of Julia {julia}"
    with opened(tarball, what) as tar:
        for member in members(tar):
            is_pkg = _PKG.fullmatch(member.name)
            if not is_pkg and not _PROJECT.fullmatch(member.name):
                continue
            data = content(tar, member, ARCHIVE_TEXT)
            if is_pkg:
                match = _UPGRADABLE.search(data.decode())
                upgradable |= set(re.findall(r'"(\w+)"', match[1] if match else ""))
                continue
            project = read_toml(data, ARCHIVE_TEXT, f"{what}: {member.name}")
            if not isinstance(project.get("uuid"), str) or not isinstance(project.get("name"), str):
                raise StepError(f"{what}: {member.name} has no uuid and name")
            version = project.get("version", julia)
            packages[project["uuid"]] = Stdlib(name=project["name"], version=str(version))
    if not packages:
        raise StepError(f"{what} has no standard library")
    return {uuid: package for uuid, package in packages.items() if package.name not in upgradable}
