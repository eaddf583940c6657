"""Versions of Julia packages, and the ranges that registries and people write."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

Number = tuple[int, int, int]

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?")
_RANGE = re.compile(r"(\d+(?:\.\d+){0,2}|\*)(?:\s*-\s*(\d+(?:\.\d+){0,2}|\*))?")
_LIMIT = re.compile(r"(\^|~|=|>=|≥|<|)\s*v?(\d+(?:\.\d+){0,2})")
_END = 1 << 60


@dataclass(frozen=True)
class Range:
    """The versions from `first` on that are less than `end`."""

    first: Number
    end: Number

    def __contains__(self, version: str) -> bool:
        return self.first <= number(version) < self.end


@cache
def number(version: str) -> Number:
    """Return major, minor and patch. Raises ValueError if it is no version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(f"not a version: {version!r}")
    return int(match[1]), int(match[2]), int(match[3])


def is_release(version: str) -> bool:
    """Whether it is a version and not a pre-release."""
    match = _VERSION.fullmatch(version)
    return match is not None and match[4] is None


def newest_first(versions: Iterable[str]) -> list[str]:
    """Return releases in order. A build, `1.2.3+1`, is newer than those of lower numbers."""

    def key(version: str) -> tuple[Number, tuple[tuple[int, int, str], ...]]:
        parts = version.partition("+")[2].split(".")
        return number(version), tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part
        )

    return sorted(versions, key=key, reverse=True)


@cache
def parse_range(text: str) -> Range:
    """Parse a range of a registry: `1` is 1.x.y, `0.5-0.7` ends after 0.7.x. Raises ValueError."""
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a range of versions: {text!r}")
    first, last = match[1], match[2] or match[1]
    return Range(_padded(first), _after(last))


def parse_limit(text: str) -> tuple[Range, ...]:
    """Parse a limit as in `[compat]` of a Project.toml: any of `^1.2, ~0.3.1, =1.4.0`.

    Raises ValueError.
    """
    return tuple(_limit(part.strip()) for part in text.split(","))


def _limit(text: str) -> Range:
    if " - " in text:
        return parse_range(text)
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise ValueError(f"not a limit of versions: {text!r}")
    sign, text = match[1], match[2]
    first = _padded(text)
    if sign == "<":
        return Range((0, 0, 0), first)
    if sign in {">=", "≥"}:
        return Range(first, (_END, 0, 0))
    if sign == "=":
        return Range(first, _after(f"{first[0]}.{first[1]}.{first[2]}"))
    parts = text.split(".")
    if sign == "~":
        return Range(first, _after(".".join(parts[:2])))
    # Up to the first number that is not zero, or the last that is written.
    precision = next((position for position, part in enumerate(parts, 1) if int(part)), len(parts))
    return Range(first, _after(".".join(parts[:precision])))


def _padded(text: str) -> Number:
    numbers = [int(part) for part in text.split(".")] if text != "*" else []
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return major, minor, patch


def _after(text: str) -> Number:
    """Return the first version that no longer begins with `text`."""
    if text == "*":
        return _END, 0, 0
    *most, last = (int(part) for part in text.split("."))
    return _padded(".".join(map(str, (*most, last + 1))))
