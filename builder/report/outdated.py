"""What is outdated, for a terminal or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def as_table(data: Mapping[str, Any]) -> str:
    """Aligned columns: what changes, then which targets it changes, then what has ended."""
    parts = [diff.as_table(data["changes"])]
    if data["security"]:
        parts.append("From a security suite: " + ", ".join(data["security"]))
    for base, moved in data["bases"].items():
        parts.append(f"Newer than base {base}: " + ", ".join(moved))
    for base, hint in data["moved_on"].items():
        parts.append(
            f"base {base}: moved on (the archive no longer gives what is locked)\n  hint: {hint}"
        )
    rows = [("TARGET", "WHY"), *data["targets"].items()]
    if data["targets"]:
        parts.append("\n".join(columns(rows)))
    if data["ended"]:
        rows = [("TARGET", "ENDED"), *data["ended"].items()]
        parts.append("\n".join(columns(rows)))
    parts.append(f"{count(len(data['targets']), 'target')} would be built anew.")
    return "\n\n".join(parts)


FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "table": as_table,
    "json": diff.as_json,
}
