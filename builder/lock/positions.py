"""Where an entry stands in the text of a lock. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from builder.common.errors import Location

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\r\n]*")
_SHOWN = 160


def location_of(text: str, path: Sequence[str], file: str) -> Location:
    """Return the position of a key in a JSON text; `path` has the keys from the top.

    Where the text lacks one of the keys, it is that of the last one that it has.
    """
    position, value = -1, _skipped(text, 0)
    for key in path:
        entry = _entry(text, value, key)
        if entry is None:
            break
        position, value = entry
    if position < 0:
        return Location(file=file)
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : end if end >= 0 else len(text)]
    return Location(
        file=file,
        line=text.count("\n", 0, position) + 1,
        column=position - start + 1,
        source=line if len(line) <= _SHOWN else "",
    )


def _entry(text: str, position: int, wanted: str) -> tuple[int, int] | None:
    """Return where a key of the object at a position stands, and its value: the last, as JSON."""
    if text[position : position + 1] != "{":
        return None
    found = None
    position = _skipped(text, position + 1)
    while text[position : position + 1] == '"':
        start = position
        key, position = _DECODER.raw_decode(text, position)
        value = _skipped(text, _skipped(text, position) + 1)  # after the colon
        if key == wanted:
            found = start, value
        _, position = _DECODER.raw_decode(text, value)
        position = _skipped(text, _skipped(text, position) + 1)  # after the comma, or the end
    return found


def _skipped(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position
