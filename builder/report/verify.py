"""What came of building images again, as a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from builder.build.image_diff import Verdict
from builder.common.text import count
from builder.report.plan import columns

_MOST = 25
_STATUSES = ("identical", "same content", "explained", "different")


def as_table(verdicts: Sequence[Verdict]) -> str:
    """A row for each target, what differs below it, and a line that counts."""
    rows = [("TARGET", "RESULT", "REGISTRY", "BUILT AGAIN")]
    rows += [(it.target, it.status, _short(it.held), _short(it.built)) for it in verdicts]
    head, *lines = columns(rows)
    text = [head]
    for line, verdict in zip(lines, verdicts, strict=True):
        text += [line, *(f"  {note}" for note in verdict.notes)]
        # What nobody has explained comes first, and is not cut short by what somebody has.
        found = sorted(verdict.differences, key=lambda it: bool(it.reason))
        text += [f"  {it}" for it in found[:_MOST]]
        if len(found) > _MOST:
            text.append(f"  and {len(found) - _MOST} more: --format json has them all")
    return "\n".join([*text, "", _summary(verdicts)])


def _summary(verdicts: Sequence[Verdict]) -> str:
    statuses = [it.status for it in verdicts]
    parts = [f"{statuses.count(name)} {name}" for name in _STATUSES if name in statuses]
    return f"{count(len(verdicts), 'target')} built again: {', '.join(parts) or 'none compared'}"


def _short(digest: str) -> str:
    return digest[:19]


def as_json(verdicts: Sequence[Verdict]) -> str:
    """All of it: `[{target, status, held, built, notes, differences: [{path, what, reason}]}]`."""
    data = [{"status": it.status, **asdict(it)} for it in verdicts]
    return json.dumps(data, indent=1, ensure_ascii=False)


FORMATS: dict[str, Callable[[Sequence[Verdict]], str]] = {"table": as_table, "json": as_json}
