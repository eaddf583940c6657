"""Find what becomes of a file that stands in the place of one below. Pure."""

from __future__ import annotations

import difflib
import hashlib

from builder.diff.stacks import CHANGED, EQUAL, GONE, SAME, ReplacedState


def replaced_state(
    path: str, ours: bytes, old: bytes | None, new: bytes | None, accepted: str
) -> ReplacedState:
    """Return the state of a file of ours, which was `old` below and is `new` there.

    `accepted` is the hash of the file below that somebody has looked at, "" where nobody has.
    """
    if new is None:
        return ReplacedState(path=path, state=GONE)
    if new == ours:
        return ReplacedState(path=path, state=EQUAL)
    is_same = f"sha256:{hashlib.sha256(new).hexdigest()}" == accepted if accepted else new == old
    if is_same:
        return ReplacedState(path=path, state=SAME)
    added, removed = _lines(old or b"", new)
    return ReplacedState(path=path, state=CHANGED, added=added, removed=removed)


def _lines(old: bytes, new: bytes) -> tuple[int, int]:
    """Return how many lines come and go; of what is no text, none."""
    try:
        before, after = (data.decode().splitlines() for data in (old, new))
    except UnicodeDecodeError:
        return 0, 0
    rows = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]
    return sum(row.startswith("+") for row in rows), sum(row.startswith("-") for row in rows)
