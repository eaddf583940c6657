"""Plain scalars of YAML, as Helm reads them (YAML 1.1, as Go does) and as YAML 1.2 has them. Pure.

No library reads them as Helm does: its integers may be octal, but none is sexagesimal, and a date
stays text.
"""

from __future__ import annotations

import math
import re
from typing import Any

_NULLS = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")
_INFINITE = {
    f"{sign}.{word}": float(f"{sign}inf")
    for sign in ("", "+", "-")
    for word in ("inf", "Inf", "INF")
} | dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan)
_CORE_WORDS = _NULLS | dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False) | _INFINITE
_HELM_WORDS = (
    _CORE_WORDS
    | dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True)
    | dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False)
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_HELM_INTEGER = re.compile(
    r"(?P<sign>[-+]?)"
    r"(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)"
    r"|(?P<decimal>0|[1-9][0-9]*))"
)
_CORE_INTEGER = re.compile(
    r"0x(?P<hex>[0-9a-fA-F]+)|0o(?P<octal>[0-7]+)|(?P<sign>[-+]?)(?P<decimal>[0-9]+)"
)
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_LEAST, _MOST = -(2**63), 2**64 - 1
_LONGEST = 300  # characters of an integer that JavaScript still holds, in any base


def helm_scalar(text: str) -> Any:
    """Return what Helm makes of a plain scalar: `0440` is 288, `yes` is true, `1_000` is 1000."""
    if text in _HELM_WORDS:
        return _HELM_WORDS[text]
    if not text.startswith((*"+-.", *"0123456789")):
        return text
    # A number that begins with a dot has no underscores.
    plain = text if text.startswith(".") else text.replace("_", "")
    match = _HELM_INTEGER.fullmatch(plain)
    if match and len(plain) <= _LONGEST and _LEAST <= (number := _integer(match)) <= _MOST:
        return number
    return _float(plain, text)  # Go reads a larger integer as it reads any number with a fraction


def core_scalar(text: str) -> Any:
    """Return what YAML 1.2 makes of a plain scalar, and so a form in a browser."""
    if text in _CORE_WORDS:
        return _CORE_WORDS[text]
    match = _CORE_INTEGER.fullmatch(text)
    return _integer(match) if match and len(text) <= _LONGEST else _float(text, text)


def _integer(match: re.Match[str]) -> int:
    name = next(name for name in _BASES if match.groupdict().get(name))
    number = int(match[name], _BASES[name])
    return -number if match["sign"] == "-" else number


def _float(plain: str, text: str) -> Any:
    """Return the number, or the text where it is none, or one that is too large."""
    if not _FLOAT.fullmatch(plain):
        return text
    number = float(plain)
    return text if math.isinf(number) else number
