"""Formats words, numbers and sizes for messages, and suggests names for misspelled ones."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Sequence


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return a hint with the nearest of `candidates`, all of them where they are few, or ""."""
    names = list(candidates)
    matches = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    if matches:
        return f"did you mean {' or '.join(matches)}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""


def names_hint(word: str, candidates: Sequence[str]) -> str:
    """Return a hint with the nearest of `candidates`, and all of them."""
    suggestion, all_names = did_you_mean(word, candidates), f"known: {', '.join(candidates)}"
    return all_names if suggestion in ("", all_names) else f"{suggestion} {all_names}"


def looks_like(word: str, candidates: Iterable[str]) -> bool:
    """Whether a word is one of `candidates` in all likelihood, misspelled."""
    return bool(difflib.get_close_matches(word, candidates, n=1, cutoff=0.75))


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 target`, `2 targets`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def one_line(text: str) -> str:
    """Return a foreign text as one line, without control characters that a terminal would obey."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def listed(words: Sequence[str]) -> str:
    """Return words joined: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def first_line(text: str) -> str:
    """Return the first line of a text, or ""."""
    return text.splitlines()[0] if text else ""


_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([MGT])B?")
_UNITS = {"M": 10**6, "G": 10**9, "T": 10**12}


def size(text: str) -> int:
    """Parse `14G`, `14GB`, `500 MB` or `1.5G` to bytes. Raises ValueError on anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a size: {text!r}")
    return round(float(match[1]) * _UNITS[match[2]])


def amount(size: int) -> str:
    """Return bytes in the unit that fits: `0.5 MB`, `34 MB`, `1.2 GB`, `39 GB`."""
    unit, name = (10**9, "GB") if size >= 999_500_000 else (10**6, "MB")
    number = size / unit
    return f"{number:.0f} {name}" if number >= 9.95 else f"{number:.1f} {name}"


def megabytes(size: int) -> str:
    """Return a size in bytes as `14.2 MB`."""
    return f"{size / 1e6:.1f} MB"


def gigabytes(size: int) -> str:
    """Return a size in bytes as `14.2 GB`."""
    return f"{size / 1e9:.1f} GB"


def fields(*words: str) -> str:
    """Return an option of several fields as Go programs read it: a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(words)
    return line.getvalue()
