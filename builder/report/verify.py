"""Shows the verdicts of `builder verify` as a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from builder.build.image_diff import Verdict
from builder.common.text import count
from builder.report.plan import columns

_MOST = 25
_STATUSES = ("identical", "same content", "explained", "different")


def as_table(verdicts: Sequence[Verdict]) -> str:
    """Return a row for each target with its differences, and a line of counts."""
    rows = [("TARGET", "RESULT", "REGISTRY", "BUILT AGAIN")]
    rows += [
        (
            verdict.target,
            verdict.status,
            _short(verdict.registry_digest),
            _short(verdict.built_digest),
        )
        for verdict in verdicts
    ]
    head, *lines = columns(rows)
    text = [head]
    for line, verdict in zip(lines, verdicts, strict=True):
        text += [line, *(f"  {note}" for note in verdict.notes)]
        # Unexplained differences come first, so that they are never cut off.
        differences = sorted(verdict.differences, key=lambda difference: bool(difference.reason))
        text += [f"  {difference}" for difference in differences[:_MOST]]
        if len(differences) > _MOST:
            text.append(f"  and {len(differences) - _MOST} more: --format json has them all")
    return "\n".join([*text, "", _summary(verdicts)])


def _summary(verdicts: Sequence[Verdict]) -> str:
    statuses = [verdict.status for verdict in verdicts]
    parts = [f"{statuses.count(name)} {name}" for name in _STATUSES if name in statuses]
    return f"{count(len(verdicts), 'target')} built again: {', '.join(parts) or 'none compared'}"


def _short(digest: str) -> str:
    return digest[:19]


def as_json(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as JSON.

    `[{status, target, held, built, differences: [{path, what, reason}], notes}]`.
    """
    return json.dumps([_as_data(verdict) for verdict in verdicts], indent=1, ensure_ascii=False)


def _as_data(verdict: Verdict) -> dict[str, object]:
    return {
        "status": verdict.status,
        "target": verdict.target,
        "held": verdict.registry_digest,
        "built": verdict.built_digest,
        "differences": [
            {"path": difference.path, "what": difference.change, "reason": difference.reason}
            for difference in verdict.differences
        ],
        "notes": verdict.notes,
    }


FORMATS: dict[str, Callable[[Sequence[Verdict]], str]] = {"table": as_table, "json": as_json}
