"""The ecosystems `pip` and `wheel`: packages of Python, with or without what they depend on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, canonicalize_version

from builder.catalog.ecosystem import Language, MirrorVariable, PinSyntax, RequestSyntax
from builder.catalog.package_shape import PackageShape
from builder.catalog.packages import (
    LockedPackage,
    Package,
    PackageIdentity,
    PackageSurroundings,
)
from builder.network.upstreams import upstream
from builder.resolvers.interfaces import Ecosystem, ResolverTools
from builder.resolvers.python.packages import REQUIREMENTS, PipResolver, requirement

_HASH = re.compile(r"\s+--hash=\S+")
_WHEEL = re.compile(r"([A-Za-z0-9._]+)-([^-]+)(?:-[0-9][^-]*)?-[^-]+-[^-]+-[^-]+\.whl")
_SOURCE = re.compile(r"([A-Za-z0-9._-]+)-([0-9][^-]*?)(?:\.tar\.(?:gz|bz2)|\.zip)")
_OWN = frozenset({"pip", "setuptools"})  # what a new environment has
_PYTHON = Language(axis="python", ecosystem="apt", package="python3")
_PROBE = r"""
if has python3; then python3 -c '
import importlib.metadata as m
for d in m.distributions():
    size = sum(f.size or 0 for f in d.files or ())
    print("pip", d.metadata["Name"], d.version, size, sep="\t")
'; fi
"""


def _is_own(name: str, package: Package) -> bool:
    """Whether a new environment has it, or it is Debian's (without a size), compared as that."""
    return name in _OWN or not package.size


def _is_met(request: str, packages: Mapping[str, LockedPackage]) -> bool:
    try:
        wanted = Requirement(_HASH.sub("", request))
    except InvalidRequirement:
        return False
    package = packages.get(canonicalize_name(wanted.name))
    if package is None:
        return wanted.marker is not None  # which may not hold for the target
    return wanted.specifier.contains(package.version.partition("+")[0], prereleases=True)


def _is_file_of(name: str, package: LockedPackage) -> bool:
    match = _WHEEL.fullmatch(package.file) or _SOURCE.fullmatch(package.file)
    if match is None or canonicalize_name(match[1]) != name:
        return False
    version = unquote(match[2])
    return version == package.version or canonicalize_version(version) == canonicalize_version(
        package.version
    )


# Neither an option of pip nor a URL: for some, uv runs git and the code of the project.
def _identity(
    name: str, package: LockedPackage, surroundings: PackageSurroundings
) -> PackageIdentity:
    index = "" if package.source == "pip" else upstream(package.source)
    return PackageIdentity(
        type="pypi",
        name=name,
        version=package.version,
        qualifiers={"file_name": package.file_name, "repository_url": index},
    )


_REQUEST = RequestSyntax(
    pattern=re.compile(
        r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?: *\[[A-Za-z0-9., _-]*\])?"
        r" *(?:(?:===?|~=|!=|<=?|>=?) *[0-9A-Za-z*][0-9A-Za-z.*+!_-]*(?: *, *(?=[=~!<>]))?)*"
        r"(?: *;[A-Za-z0-9_.()<>=!~'\" ,]*)?"
        r"(?:\s+--hash=sha256:[0-9a-f]{64})*"
    ),
    example="pandas>=2.2",
)
_SHAPE = PackageShape(
    name=re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*"),
    source=re.compile(r"pip|pytorch"),
    digests=("sha256",),
    is_file_of=_is_file_of,
)


def _resolver(tools: ResolverTools, *, is_alone: bool = False) -> PipResolver:
    return PipResolver(
        runner=tools.runner,
        network=tools.network,
        folder=tools.fetcher.folder,
        is_alone=is_alone,
        only_looks=tools.only_looks,
        note=tools.note,
        download=tools.download,
    )


PIP = Ecosystem(
    name="pip",
    languages=(_PYTHON,),
    request=_REQUEST,
    is_met=_is_met,
    pins=PinSyntax(example='lxml: ">=5.3.1"'),
    normalize=lambda name: str(canonicalize_name(name)),
    shape=_SHAPE,
    has_cooldown=True,
    list_file=REQUIREMENTS,
    list_line=requirement,
    mirror_variables=(
        MirrorVariable(source="pip", name="PIP_INDEX_URL"),
        MirrorVariable(source="pip", name="UV_INDEX_URL"),
        MirrorVariable(source="pytorch", name="PYTORCH_INDEX_URL", path="/cpu"),
    ),
    probe=_PROBE,
    is_compared=True,
    is_own=_is_own,
    identity=_identity,
    resolver=_resolver,
)
WHEEL = Ecosystem(
    name="wheel",
    languages=(_PYTHON,),
    request=_REQUEST,
    is_met=_is_met,
    shape=_SHAPE,
    has_cooldown=True,
    list_file=REQUIREMENTS,
    list_line=requirement,
    identity=_identity,
    resolver=lambda tools: _resolver(tools, is_alone=True),
)
