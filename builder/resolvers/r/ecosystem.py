"""The ecosystem `r`: packages of R."""

from __future__ import annotations

import re

from builder.catalog.ecosystem import Language, MirrorVariable, PinSyntax, RequestSyntax
from builder.catalog.package_shape import PackageShape
from builder.catalog.packages import (
    LockedPackage,
    Package,
    PackageIdentity,
    PackageSurroundings,
)
from builder.resolvers.interfaces import Ecosystem
from builder.resolvers.r.packages import OWN, RResolver

_LIMIT = r"([<>]=?|[=!]=) ?[0-9][0-9.-]*"
# What lies below /usr is Debian's, and counted there; of two libraries the first is R's choice.
_PROBE = r"""
if has Rscript; then Rscript --vanilla -e '
p <- installed.packages()[, c("Package", "Version", "LibPath"), drop = FALSE]
p <- p[!duplicated(p[, "Package"]), , drop = FALSE]
d <- file.path(p[, "LibPath"], p[, "Package"])
own <- !startsWith(d, "/usr/lib/") & !startsWith(d, "/usr/share/")
s <- integer(nrow(p))
if (any(own)) {
  lines <- system2("du", c("-sk", shQuote(d[own])), stdout = TRUE)
  s[own] <- as.integer(sub("\\s.*", "", lines))
}
cat(paste("r", p[, "Package"], p[, "Version"], s * 1024, sep = "\t"), sep = "\n")
'; fi
"""


def _list_line(name: str, package: LockedPackage) -> str:
    """Return its hash, and its path in Package Manager's repository."""
    return f"{name} {package.hash} {package.source}/{package.file}"


def _is_file_of(name: str, package: LockedPackage) -> bool:
    return package.file_name == f"{name}_{package.version}.tar.gz"


def _identity(
    name: str, package: LockedPackage, surroundings: PackageSurroundings
) -> PackageIdentity:
    return PackageIdentity(type="cran", name=name, version=package.version)


def _is_own(name: str, package: Package) -> bool:
    """Whether it comes with R, or is Debian's own (without a size), which is compared as that."""
    return name in OWN or not package.size


R = Ecosystem(
    name="r",
    languages=(Language(axis="r", ecosystem="apt", package="r-base-core"),),
    request=RequestSyntax(pattern=re.compile(r"[A-Za-z][A-Za-z0-9.]*"), example="dplyr"),
    pins=PinSyntax(limit=re.compile(rf"{_LIMIT}(, ?{_LIMIT})*"), example='dplyr: ">= 1.1, < 2"'),
    shape=PackageShape(
        name=re.compile(r"[A-Za-z][A-Za-z0-9.]*"),
        source=re.compile(r"latest|[0-9]{4}-[0-9]{2}-[0-9]{2}"),
        digests=("sha256",),
        is_file_of=_is_file_of,
    ),
    list_line=_list_line,
    has_cooldown=True,
    mirror_variables=(
        MirrorVariable(source="packagemanager", name="PACKAGE_MANAGER_URL", path="/cran"),
    ),
    probe=_PROBE,
    is_compared=True,
    is_own=_is_own,
    identity=_identity,
    resolver=lambda tools: RResolver(fetcher=tools.fetcher, note=tools.note),
)
