"""The orders of versions, by ecosystem of OSV. Pure.

Each order maps a version to a key: keys compare as versions do. An order raises ValueError for what
it cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import semver
from packaging.version import Version
from univers.versions import InvalidVersion, MavenVersion

_LONGEST = 256
_PARTS = re.compile(r"(\D*)(\d*)")
_DEBIAN = re.compile(r"(?:(\d{1,10}):)?([A-Za-z0-9.+~:-]*)")
_R = re.compile(r"\d{1,20}(?:[.-]\d{1,20})*")
_SHORT_SEMVER = re.compile(r"(\d{1,20})(?:\.(\d{1,20}))?(?:\.(\d{1,20}))?((?:[-+].*)?)")
_END = ((0,), 0)
Key = Any
"""What compares as a version does, with keys of the same order."""


def _order(sign: str) -> int:
    """Return how a character sorts in Debian: a tilde first, even before the end; letters first."""
    if sign == "~":
        return -1
    return ord(sign) if sign.isalpha() else ord(sign) + 256


def _debian_part(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Return the key of an upstream version or a revision: text and numbers in turn."""
    found = _PARTS.findall(text)
    parts = [((*map(_order, words), 0), int(digits or 0)) for words, digits in found]
    while parts and parts[-1] == _END:  # `1` and `1.0` differ, but no revision is revision 0
        parts.pop()
    return (*parts, _END, _END)


def _debian(version: str) -> Key:
    match = _DEBIAN.fullmatch(version)
    if match is None or not match[2]:
        raise ValueError(f"not a version of Debian: {version!r}")
    upstream, _, revision = match[2].rpartition("-") if "-" in match[2] else (match[2], "", "")
    return (int(match[1] or 0), _debian_part(upstream), _debian_part(revision))


def _r(version: str) -> Key:
    if not _R.fullmatch(version):
        raise ValueError(f"not a version of R: {version!r}")
    return tuple(map(int, re.split(r"[.-]", version)))


def _semantic(version: str) -> Key:
    """Return the key of a semantic version; parts that are left out count as 0."""
    match = _SHORT_SEMVER.fullmatch(version.removeprefix("v"))
    if match is None:
        raise ValueError(f"not a semantic version: {version!r}")
    major, minor, patch, rest = match.groups()
    return semver.Version.parse(f"{int(major)}.{int(minor or 0)}.{int(patch or 0)}{rest}")


def _maven(version: str) -> Key:
    try:
        return MavenVersion(version)
    except (InvalidVersion, TypeError, IndexError) as error:
        raise ValueError(f"not a version of Maven: {version!r}") from error


_ORDERS: dict[str, Callable[[str], Key]] = {
    "Debian": _debian,
    "PyPI": Version,
    "npm": _semantic,
    "Julia": _semantic,
    "Go": _semantic,
    "CRAN": _r,
    "Maven": _maven,
}
ECOSYSTEMS = tuple(_ORDERS)
"""The ecosystems of OSV whose versions can be compared."""


@lru_cache(maxsize=200_000)
def key_of(version: str, ecosystem: str) -> Key:
    """Return the key of a version; `ecosystem` may have a release, as `Debian:13`.

    Raises ValueError for what is no version there, or where nobody knows the order.
    """
    if len(version) > _LONGEST:
        raise ValueError(f"a version of {len(version)} characters")
    order = _ORDERS.get(ecosystem.partition(":")[0])
    if order is None:
        raise ValueError(f"nobody knows the order of versions in {ecosystem!r}")
    return order(version)


@lru_cache(maxsize=50_000)
def semantic_key(version: str) -> Key:
    """Return the key of a version in a range of the type SEMVER, in whichever ecosystem."""
    if len(version) > _LONGEST:
        raise ValueError(f"a version of {len(version)} characters")
    return _semantic(version)
