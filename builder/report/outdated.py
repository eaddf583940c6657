"""What is outdated, for a terminal or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from builder.common.text import count
from builder.diff.outdated import Outdated
from builder.report import diff
from builder.report.plan import columns


def as_data(found: Outdated) -> dict[str, Any]:
    """All of it as plain data."""
    return {
        "format": 1,
        "targets": dict(found.targets),
        "security": list(found.security),
        "bases": {key: list(moved) for key, moved in found.bases.items()},
        "moved_on": dict(found.moved_on),
        "ended": dict(found.ended),
        "changes": diff.as_data(found.difference),
    }


def as_json(found: Outdated) -> str:
    """All of it."""
    return json.dumps(as_data(found), indent=1, ensure_ascii=False)


def as_table(found: Outdated) -> str:
    """Aligned columns: what changes, then which targets it changes, then what has ended."""
    parts = [diff.as_table(found.difference)]
    if found.security:
        parts.append("From a security suite: " + ", ".join(found.security))
    for base, moved in found.bases.items():
        parts.append(f"Newer than base {base}: " + ", ".join(moved))
    for base, hint in found.moved_on.items():
        parts.append(
            f"base {base}: moved on (the archive no longer gives what is locked)\n  hint: {hint}"
        )
    rows = [("TARGET", "WHY"), *found.targets.items()]
    if found.targets:
        parts.append("\n".join(columns(rows)))
    if found.ended:
        rows = [("TARGET", "ENDED"), *found.ended.items()]
        parts.append("\n".join(columns(rows)))
    parts.append(f"{count(len(found.targets), 'target')} would be built anew.")
    return "\n\n".join(parts)


FORMATS: dict[str, Callable[[Outdated], str]] = {
    "table": as_table,
    "json": as_json,
}
