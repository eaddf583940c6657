"""Find what becomes of a file that stands in the place of one below. Pure."""

from __future__ import annotations

import difflib

from builder.diff.stacks import ReplacedState
from builder.overlay.replaced_files import CHANGED, NEW, SAME, ReplacedFile


def replaced_state(item: ReplacedFile, old: bytes | None, new: bytes | None) -> ReplacedState:
    """Return the state of a replaced file, with the lines that come and go below it.

    The file below was `old` and is `new`. Where nobody accepted one yet, the old one counts.
    """
    state = item.state
    if state == NEW:
        state = SAME if old == new else CHANGED
    added, removed = _lines(old, new) if old and new else (0, 0)
    return ReplacedState(path=item.path, state=state, added=added, removed=removed)


def _lines(old: bytes, new: bytes) -> tuple[int, int]:
    """Return how many lines come and go; of what is no text, none."""
    try:
        before, after = (data.decode().splitlines() for data in (old, new))
    except UnicodeDecodeError:
        return 0, 0
    rows = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
    return sum(row.startswith("+") for row in rows), sum(row.startswith("-") for row in rows)
