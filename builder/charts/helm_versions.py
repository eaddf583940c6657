"""Parses and sorts versions of charts as Helm does, and converts them to tags. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

import semver

Item = TypeVar("Item")
# Helm takes `v1.2.3`, `1.2` and `01.2.3`; a number is one of 64 bits.
_LOOSE = re.compile(
    r"v?(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+))?(?:\.(?P<patch>[0-9]+))?"
    r"(?:-(?P<prerelease>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_LONGEST_NUMBER = 2**64 - 1
_DIGITS = 21  # more than the longest number has; further digits change nothing


def parse(text: str) -> semver.Version | None:
    """Return the version that Helm reads, or None where it skips a chart of this version."""
    match = _LOOSE.fullmatch(text)
    if match is None:
        return None
    numbers = ((match[part] or "").lstrip("0")[:_DIGITS] for part in ("major", "minor", "patch"))
    major, minor, patch = (int(digits or 0) for digits in numbers)
    if max(major, minor, patch) > _LONGEST_NUMBER:
        return None
    strict = f"{major}.{minor}.{patch}"
    strict += f"-{match['prerelease']}" if match["prerelease"] else ""
    strict += f"+{match['build']}" if match["build"] else ""
    try:
        return semver.Version.parse(strict)
    except ValueError:
        return None  # a number with a leading zero in its pre-release


def newest(candidates: Iterable[Item], version: Callable[[Item], str]) -> Item | None:
    """Return the version that Helm installs by default: no pre-release, the first of equals.

    Build metadata (`+up1`) has no order.
    """
    best: tuple[semver.Version, Item] | None = None
    for candidate in candidates:
        parsed = parse(version(candidate))
        if parsed is None or parsed.prerelease:
            continue
        if best is None or parsed > best[0]:
            best = parsed, candidate
    return best[1] if best else None


def rank(text: str) -> tuple[bool, semver.Version | str]:
    """Return the key by which versions are sorted; an invalid version comes before all others."""
    parsed = parse(text)
    return (False, text) if parsed is None else (True, parsed)


def tag_of(version: str) -> str:
    """Return the tag that Helm gives a version in a registry: a tag may not hold a `+`."""
    return version.replace("+", "_")


def version_of(tag: str) -> str | None:
    """Return the version that Helm reads from a tag, or None. It wants three numbers and no `v`."""
    version = tag.replace("_", "+")
    return version if semver.Version.is_valid(version) else None
