"""Matches the regular expressions of a chart's schema, which may be made to take for ever."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import regex

from builder.common.errors import ConfigError
from builder.common.limits import PATTERN_LENGTH, PATTERN_SECONDS

_ALL_SECONDS = 60.0  # of all patterns of a schema, if each is matched once
_LONGEST_TEXT = 100_000
_LARGEST_WEIGHT = 20_000  # of a pattern in which each `{n}` is written out, as `regex` does
_SHOWN = 60
_TOKEN = re.compile(
    r"\\(?:[pPu]\{[^}]*\}|k<[^>]*>|.)"  # an escape
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]"  # a class
    r"|(?P<repeat>\{(?P<least>\d+)(?:,(?P<most>\d*))?\})"
    r"|(?P<group>\()"
    r"|.",
    re.DOTALL,
)
_GROUP = re.compile(r"\((?!\?)|\(\?(?:[:=!]|<[=!]|P?<\w+>|[imsx-]+[:)])")


class Pattern(str):
    """A regular expression of a schema; `seconds` is how long one match may take."""

    seconds: float

    def __new__(cls, text: str, seconds: float = PATTERN_SECONDS) -> Pattern:
        """Return a pattern."""
        pattern = super().__new__(cls, text)
        pattern.seconds = seconds
        return pattern


def with_patterns(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with its patterns as `Pattern`. Raises ConfigError where one is too long."""
    number = _count(schema)
    seconds = min(PATTERN_SECONDS, _ALL_SECONDS / max(number, 1))
    bounded = _bounded(schema, seconds)
    assert isinstance(bounded, Mapping)
    return bounded


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches a text; True if it cannot be read.

    Raises ConfigError where that takes too long.
    """
    seconds = pattern.seconds if isinstance(pattern, Pattern) else PATTERN_SECONDS
    try:
        _check_length(pattern)
        translated, weight = _translated(pattern)
        if len(text) > _LONGEST_TEXT or weight > _LARGEST_WEIGHT:
            raise TimeoutError
        return regex.search(translated, text, timeout=seconds) is not None
    except TimeoutError as error:
        raise _too_long(pattern, len(text)) from error
    except (regex.error, RecursionError, OverflowError, MemoryError):
        return True


def whole_matches(pattern: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the texts that a pattern of a catalog matches as a whole. Raises ConfigError."""
    compiled = _compiled(pattern)
    try:
        return tuple(
            text for text in texts if compiled.fullmatch(text, timeout=PATTERN_SECONDS) is not None
        )
    except TimeoutError as error:
        raise _too_long(pattern, max(map(len, texts))) from error


def first_groups(pattern: str, text: str) -> list[str]:
    """Return what the first group of a pattern of a catalog matches in a text, or all of it.

    Raises ConfigError.
    """
    compiled = _compiled(pattern)
    try:
        matches = list(compiled.finditer(text, timeout=PATTERN_SECONDS))
    except TimeoutError as error:
        raise _too_long(pattern, len(text)) from error
    return [match[1 if compiled.groups else 0] or "" for match in matches]


def _compiled(pattern: str) -> Any:
    _check_length(pattern)
    try:
        translated, weight = _translated(pattern)
        if weight > _LARGEST_WEIGHT:
            raise regex.error("it is too large")
        return regex.compile(translated)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise ConfigError(f"not a regular expression: {pattern!r}: {error}") from None


def _too_long(pattern: str, characters: int) -> ConfigError:
    shown = pattern if len(pattern) <= _SHOWN else f"{pattern[:_SHOWN]}…"
    return ConfigError(
        f"the pattern {shown} takes too long on a text of {characters:,} characters",
        hint="write it without a repetition inside of a repetition",
    )


def _translated(pattern: str) -> tuple[str, int]:
    """Return a pattern of JavaScript as `regex` reads it, and how long it is without `{n}`.

    Raises regex.error for a group that JavaScript does not have: some of them have no end.
    """
    parts: list[str] = []
    weights, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if token["repeat"]:
            times = max(int(token["most"] or token["least"]), 1)
            weights[-1] += last * (times - 1)
            last *= times
        elif text == ")" and len(weights) > 1:
            last = weights.pop() + 1
            weights[-1] += last
        elif token["group"]:
            if not _GROUP.match(pattern, token.start()):
                raise regex.error("a group that is not of JavaScript")
            weights.append(0)
        else:
            last = 1
            weights[-1] += last
        named = text.startswith(r"\k<")
        parts.append(r"\{" if text == "{" else r"\g" + text[2:] if named else text)
    return "".join(parts), sum(weights)


def _check_length(pattern: str) -> None:
    if len(pattern) > PATTERN_LENGTH:
        raise ConfigError(f"a pattern has more than {PATTERN_LENGTH:,} characters")


def _count(node: object) -> int:
    if isinstance(node, Mapping):
        return isinstance(node.get("pattern"), str) + sum(map(_count, node.values()))
    return sum(map(_count, node)) if isinstance(node, list) else 0


def _bounded(node: object, seconds: float) -> object:
    if isinstance(node, list):
        return [_bounded(item, seconds) for item in node]
    if not isinstance(node, Mapping):
        return node
    bounded = {key: _bounded(value, seconds) for key, value in node.items()}
    if isinstance(text := node.get("pattern"), str):
        _check_length(text)
        bounded["pattern"] = Pattern(text, seconds)
    return bounded
