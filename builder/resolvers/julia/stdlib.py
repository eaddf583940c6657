"""What Julia brings by itself, as its own tarball says."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.common.errors import StepError

_PROJECT = re.compile(r"[^/]+/share/julia/stdlib/v[^/]+/([^/]+)/Project\.toml")
_PKG = re.compile(r"[^/]+/share/julia/stdlib/v[^/]+/Pkg/src/Types\.jl")
# Of two names by version of Pkg: what Julia brings, and yet is a package as any other.
_UPGRADABLE = re.compile(r"const (?:UPGRADABLE|FORMER)_STDLIBS = \[(.*?)\]", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Stdlib:
    """A package that comes with Julia; no other version of it can be installed."""

    name: str
    version: str


def stdlibs(tarball: Path, julia: str) -> Mapping[str, Stdlib]:
    """Return the packages that come with Julia, by uuid; not those that Pkg may upgrade.

    `julia` is its exact version, which those have that state none. Raises StepError.
    """
    found: dict[str, Stdlib] = {}
    upgradable: set[str] = set()
    try:
        with tarfile.open(tarball) as tar:
            for member in tar:
                is_pkg = _PKG.fullmatch(member.name)
                if not is_pkg and not _PROJECT.fullmatch(member.name):
                    continue
                content = tar.extractfile(member)
                text = content.read().decode() if content else ""
                if is_pkg:
                    match = _UPGRADABLE.search(text)
                    upgradable |= set(re.findall(r'"(\w+)"', match[1] if match else ""))
                    continue
                about = tomllib.loads(text)
                found[about["uuid"]] = Stdlib(
                    name=about["name"], version=about.get("version", julia)
                )
    except (tarfile.TarError, EOFError, OSError, zlib.error, KeyError, ValueError) as error:
        raise StepError(f"the tarball of Julia {julia} is not understood: {error}") from error
    if not found:
        raise StepError(f"the tarball of Julia {julia} has no standard library")
    return {uuid: it for uuid, it in found.items() if it.name not in upgradable}
