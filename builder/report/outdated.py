"""Shows what is outdated as a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from builder.common.text import count
from builder.diff.outdated import Outdated
from builder.report import diff
from builder.report.plan import columns


def as_data(outdated: Outdated) -> dict[str, Any]:
    """Return it as plain data."""
    return {
        "format": 2,
        "targets": dict(outdated.targets),
        "upstream": dict(outdated.upstream),
        "security": list(outdated.security),
        "bases": {key: list(packages) for key, packages in outdated.bases.items()},
        "moved_on": dict(outdated.moved_on),
        "ended": dict(outdated.ended),
        "available": list(outdated.available),
        "changes": diff.as_data(outdated.difference),
    }


def as_json(outdated: Outdated) -> str:
    """Return it as JSON."""
    return json.dumps(as_data(outdated), indent=1, ensure_ascii=False)


def as_table(outdated: Outdated) -> str:
    """Return aligned columns: the changes, then the changed targets, then ended release lines."""
    parts = [diff.as_table(outdated.difference)]
    if outdated.security:
        parts.append("From a security suite: " + ", ".join(outdated.security))
    for base, packages in outdated.bases.items():
        parts.append(f"Newer than base {base}: " + ", ".join(packages))
    for base, hint in outdated.moved_on.items():
        parts.append(
            f"base {base}: moved on (the archive no longer gives what is locked)\n  hint: {hint}"
        )
    parts += outdated.available
    rows = [("TARGET", "WHY"), *outdated.targets.items()]
    if outdated.targets:
        parts.append("\n".join(columns(rows)))
    if outdated.upstream:
        rows = [("NOT YET TAKEN BY UPSTREAM", "WHY"), *outdated.upstream.items()]
        parts.append("\n".join(columns(rows)))
    if outdated.ended:
        rows = [("TARGET", "ENDED"), *outdated.ended.items()]
        parts.append("\n".join(columns(rows)))
    parts.append(f"{count(len(outdated.targets), 'target')} would be built anew.")
    return "\n\n".join(parts)


FORMATS: dict[str, Callable[[Outdated], str]] = {
    "table": as_table,
    "json": as_json,
}
