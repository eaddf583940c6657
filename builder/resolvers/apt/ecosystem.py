"""The ecosystem `apt`: packages of Debian."""

from __future__ import annotations

import re
from collections.abc import Mapping

from builder.catalog.ecosystem import PinSyntax, RequestSyntax
from builder.catalog.package_shape import PackageShape
from builder.catalog.packages import LockedPackage, PackageIdentity, PackageSurroundings
from builder.resolvers.apt.packages import AptResolver
from builder.resolvers.interfaces import Ecosystem, ResolverTools

_PROBE = r"""
if has dpkg-query; then
    dpkg-query -W \
        -f='apt\t${Package}\t${Version}\t${Installed-Size}k\t${source:Package}\n'
fi
"""


_ARCHITECTURE = re.compile(r"[a-z0-9-]+\.deb")


def _is_met(request: str, packages: Mapping[str, LockedPackage]) -> bool:
    package = packages.get(re.split(r"[/:=]", request)[0])
    version = request.partition("=")[2]
    return package is not None and version in ("", package.version)


def _is_file_of(name: str, package: LockedPackage) -> bool:
    """Whether a file has the name that its package has in the pool of an archive.

    Other repositories give files whatever names they like.
    """
    file = package.file_name
    if not package.file.startswith("pool/"):
        return file.endswith(".deb")
    start = f"{name}_{package.version.rpartition(':')[2]}_"
    return file.startswith(start) and _ARCHITECTURE.fullmatch(file[len(start) :]) is not None


def _identity(
    name: str, package: LockedPackage, surroundings: PackageSurroundings
) -> PackageIdentity:
    """Return a package of the archive's distribution; what is in no pool is of nobody known."""
    architecture = package.file_name.removesuffix(".deb").rpartition("_")[2]
    return PackageIdentity(
        type="deb",
        namespace="debian" if package.file.startswith("pool/") else "",
        name=name,
        version=package.version,
        qualifiers={"arch": architecture, "distro": surroundings.suite},
    )


def _resolver(tools: ResolverTools) -> AptResolver:
    return AptResolver(
        prepare=tools.apt_root,
        providers=tools.providers,
        fetcher=tools.fetcher,
        folder=tools.state.apt_records,
        locate=tools.locate,
    )


APT = Ecosystem(
    name="apt",
    package_suffix=".deb",
    is_of_base=True,
    has_cooldown=True,
    # What follows may be an architecture, a version or a suite.
    request=RequestSyntax(
        pattern=re.compile(
            r"[a-z0-9*][a-z0-9+.*-]*(?::[a-z0-9-]+)?(?:=[0-9A-Za-z][0-9A-Za-z.+:~*-]*|/[a-z][a-z0-9-]*)?"
        ),
        example="git",
    ),
    is_met=_is_met,
    # They become preferences of apt: a name must be no pattern there, and neither may end its line.
    pins=PinSyntax(
        name=re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*"),
        limit=re.compile(r"\S+"),
        example='git: "1:2.47*"',
    ),
    shape=PackageShape(
        name=re.compile(r"[a-z0-9][a-z0-9+.-]*"),
        version=re.compile(r"(?:\d+:)?\d[A-Za-z0-9.+~-]*"),
        source=re.compile(r"/|[A-Za-z0-9][A-Za-z0-9._~+-]*"),
        digests=("sha256",),
        is_file_of=_is_file_of,
    ),
    list_line=lambda name, package: f"{name}={package.version}",
    probe=_PROBE,
    is_compared=True,
    identity=_identity,
    resolver=_resolver,
)
