"""Shows what may be done about release lines, as a table, as JSON or as Markdown."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from builder.bump.decision import Row
from builder.bump.outcome import NotLookedAt, Outcome, proposal_id
from builder.common.text import count, one_line
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


_SENTENCES = {
    "enter": "{line} can enter: {why}.",
    "drop": "{line} can be dropped: {why}.",
    "eol": "The end of life of {line} is {why}.",
    "ending": "{line} is ending: {why}.",
    "retire": "{line} can be retired: {why}.",
}
_LONGEST = 60_000
"""What a pull request takes on GitHub is 65,536 characters."""


def as_markdown(outcome: Outcome) -> str:
    """Return the body of a pull request: proposals, what waits, and what was not looked at.

    Lists are cut, with the number of what is left out, where it would have over 60,000 characters.
    It ends with the ids of the proposals, by which the next run knows them.
    """
    proposed = [
        _SENTENCES[row.what].format(line=_named(row), why=_plain(row.why))
        for row in outcome.proposals
    ]
    waiting = [f"{_named(row)}: {_plain(row.why)}" for row in outcome.kept_back]
    unread = [f"`{one.axis}`: {_plain(_reason(one))}" for one in outcome.not_looked_at]
    ids = " ".join(proposal_id(row) for row in outcome.proposals)
    end = f"<!-- catalog builder: bump {ids} -->" if ids else ""
    sections = [
        ("", proposed or ["No release line enters, ends or goes."]),
        ("Not now, and why", waiting),
        ("Not looked at", unread),
        ("Warnings", list(map(_plain, outcome.warnings))),
    ]
    room = _LONGEST - len(end)
    parts = [part for title, items in sections if (part := _section(title, items, room // 4))]
    return "\n\n".join([*parts, *([end] if end else [])])


def _named(row: Row) -> str:
    return f"`{row.axis}` {_plain(row.line)}"


def _plain(text: str) -> str:
    """Return a foreign text as words only: no markup, no comment, nobody who is told of it."""
    words = html.escape(one_line(text), quote=False)
    words = re.sub(r"[\\`*_\[\]!#|~]", lambda sign: f"\\{sign[0]}", words)
    return words.replace("@", "&#64;")


def _section(title: str, items: Sequence[str], room: int) -> str:
    """Return a list below a title, cut to a number of characters; "" without items."""
    if not items:
        return ""
    lines: list[str] = []
    for number, item in enumerate(items):
        line = f"- {item}"
        if sum(map(len, lines)) + len(line) > room:
            lines.append(f"- … and {len(items) - number} more")
            break
        lines.append(line)
    text = "\n".join(lines)
    return f"## {title}\n\n{text}" if title else text


FORMATS: dict[str, Callable[[Outcome], str]] = {
    "table": as_table,
    "json": as_json,
    "markdown": as_markdown,
}
