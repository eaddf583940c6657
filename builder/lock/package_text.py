"""How matrix.lock writes a package: in words, on one line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from builder.catalog.package_shape import ALGORITHMS, is_digest_by
from builder.catalog.packages import LockedPackage, Packages

_SIZE = re.compile(r"[0-9]{1,15}")


def have_details(package_sets: Iterable[Packages]) -> bool:
    """Whether more is said of a package than format 9 can."""
    return any(
        package.size or package.source_version
        for package_set in package_sets
        for packages in package_set.values()
        for package in packages.values()
    )


def written(package: LockedPackage) -> str:
    """Return a package in words; the last three only where the index stated them."""
    text = f"{package.version} {package.digest} {package.source} {package.file}"
    if not package.size and not package.source_version:
        return text
    source = f"{package.built_from or '-'} {package.source_version or '-'}"
    return f"{text} {package.size} {source}"


def read(text: str, *, has_details: bool) -> LockedPackage:
    """Return the package of a text, which may have details from format 10 on.

    Raises ValueError with the form that a text must have.
    """
    words = text.split(" ", -1 if has_details else 3)
    form = "version digest source file"
    is_whole = len(words) == 4
    if has_details:
        form += " [size built-from source-version]"
        is_whole |= len(words) == 7 and _SIZE.fullmatch(words[4]) is not None
    if not is_whole or not is_digest_by(words[1], *ALGORITHMS):
        raise ValueError(f"`{form}`: {text!r}")
    size, built_from, source_version = words[4:] or ("0", "-", "-")
    return LockedPackage(
        version=words[0],
        digest=words[1],
        source=words[2],
        file=words[3],
        size=int(size),
        built_from=built_from.removeprefix("-"),
        source_version=source_version.removeprefix("-"),
    )
