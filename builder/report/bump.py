"""Shows what may be done about release lines, as a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from builder.bump.decision import Row
from builder.bump.outcome import NotLookedAt, Outcome, proposal_id
from builder.common.text import count
from builder.report.plan import columns


def as_data(outcome: Outcome) -> dict[str, Any]:
    """Return it as plain data."""
    return {
        "format": 1,
        "day": outcome.today,
        "observations": [
            {
                "axis": one.axis,
                "provider": one.provider,
                "day": one.day,
                "versions": len(one.versions),
                "digest": f"sha256:{one.digest}",
            }
            for one in outcome.observations
        ],
        "proposals": [{"id": proposal_id(row), **_row(row)} for row in outcome.proposals],
        "kept_back": [_row(row) for row in outcome.kept_back],
        "not_looked_at": [dict(vars(one)) for one in outcome.not_looked_at],
        "warnings": list(outcome.warnings),
    }


def _row(row: Row) -> dict[str, str]:
    known = {"provider": row.provider, "eol": row.day}
    said = {key: value for key, value in known.items() if value}
    return {"axis": row.axis, "line": row.line, "action": row.what, "reason": row.why, **said}


def as_json(outcome: Outcome) -> str:
    """Return it as JSON."""
    return json.dumps(as_data(outcome), indent=1, ensure_ascii=False)


def as_table(outcome: Outcome) -> str:
    """Return aligned columns, and a sentence with the numbers."""
    rows = [(row.axis, row.line, str(row.what), row.why) for row in outcome.rows]
    rows += [(one.axis, "", "not looked at", _reason(one)) for one in outcome.not_looked_at]
    parts = ["\n".join(columns([("AXIS", "LINE", "WHAT", "WHY"), *rows]))] if rows else []
    parts += [f"warning: {text}" for text in outcome.warnings]
    looked = count(len(outcome.observations), "observation")
    unread = f", {len(outcome.not_looked_at)} not looked at" if outcome.not_looked_at else ""
    parts.append(f"{count(len(outcome.proposals), 'proposal')} from {looked}{unread}.")
    return "\n\n".join(parts)


def _reason(one: NotLookedAt) -> str:
    """Return why an index was not looked at, with its name."""
    return one.reason if one.reason.startswith(one.name) else f"{one.name}: {one.reason}"


FORMATS: dict[str, Callable[[Outcome], str]] = {"table": as_table, "json": as_json}
