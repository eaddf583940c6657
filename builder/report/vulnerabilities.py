"""Writes what is known of vulnerabilities: a row for a package and a finding, the worst first."""

from __future__ import annotations

import json
from collections.abc import Sequence

from builder.common.text import count
from builder.gate.database import Index
from builder.gate.decision import BLOCKED, Decision, Judged
from builder.gate.survey import Survey
from builder.report.plan import columns

_HEADS = ("severity", "package", "finding", "fixed in", "since", "images", "what becomes of it")


def as_text(survey: Survey, decision: Decision, index: Index) -> str:
    """Return a table for people, and what mends each finding that holds images back."""
    lines = list(columns([_HEADS, *map(_row, decision.judged)])) if decision.judged else []
    lines += [f"{item.found.name}: {mend(item)}" for item in _blocked(decision)]
    lines.append(summary(survey, decision, index))
    return "\n".join([*lines, *_notes(decision)]) + "\n"


def as_markdown(survey: Survey, decision: Decision, index: Index) -> str:
    """Return the same as a table in Markdown."""
    rows = [_HEADS, tuple("---" for _ in _HEADS), *map(_row, decision.judged)]
    table = [f"| {' | '.join(map(_cell, row))} |" for row in rows] if decision.judged else []
    blocked = [f"- `{item.found.name}`: {mend(item)}" for item in _blocked(decision)]
    notes = [f"- {note}" for note in _notes(decision)]
    parts = (summary(survey, decision, index), *map("\n".join, (table, blocked, notes)))
    return "\n\n".join(filter(None, parts)) + "\n"


def as_json(survey: Survey, decision: Decision, index: Index) -> str:
    """Return the same for machines."""
    data = {
        "format": 1,
        "database": {"made": index.made, "newest": index.newest, "count": index.count},
        "packages": survey.asked,
        "skipped": survey.skipped,
        "blocked": list(decision.blocked),
        "findings": [
            {
                "id": item.found.finding.id,
                "ids": list(item.found.finding.ids),
                "severity": item.found.finding.severity,
                "package": item.found.name,
                "fixed": item.found.finding.fixed,
                "published": item.found.finding.day,
                "summary": item.found.finding.summary,
                "brought_by": list(item.found.brought_by),
                "targets": {state: list(keys) for state, keys in item.targets.items()},
                "reason": item.reason,
                "mend": mend(item),
            }
            for item in decision.judged
        ],
        "ended": [item.id for item in decision.ended],
        "unused": [item.id for item in decision.unused],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def summary(survey: Survey, decision: Decision, index: Index) -> str:
    """Return a line: how much was looked at, by what, and what it holds back."""
    return (
        f"{count(len(decision.judged), 'finding')} in {count(survey.asked, 'package')}"
        f" ({survey.skipped} without advisories),"
        f" by {count(index.count, 'record')} until {index.newest or index.made};"
        f" {count(len(decision.blocked), 'image')} held back"
    )


def mend(item: Judged) -> str:
    """Return the command that mends a finding, and what it rebuilds; or why none does."""
    found = item.found
    if not found.finding.fixed:
        return "no version without it is known"
    words = " ".join(word for word in found.upgrade if word)
    if not words:
        return f"{found.finding.fixed} is without it"
    return f"`builder lock --upgrade {words}` rebuilds {count(len(found.targets), 'image')}"


def _blocked(decision: Decision) -> Sequence[Judged]:
    return [item for item in decision.judged if BLOCKED in item.targets]


def _notes(decision: Decision) -> list[str]:
    ended = [f"the exception of {item.id} ended on {item.until}" for item in decision.ended]
    unused = [f"the exception of {item.id} matches nothing" for item in decision.unused]
    return [*ended, *unused]


def _row(item: Judged) -> tuple[str, ...]:
    found = item.found
    state = f"{item.state}: {item.reason}" if item.reason else item.state
    return (
        found.finding.severity,
        found.name,
        found.finding.id,
        found.finding.fixed or "-",
        found.finding.day or "-",
        str(len(found.targets)),
        state,
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
