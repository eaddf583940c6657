"""A database of advisories of our own making, in the shape in which OSV exports one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Event = Mapping[str, str]


def record(
    identity: str,
    ecosystem: str,
    name: str,
    *events: Event,
    kind: str = "ECOSYSTEM",
    versions: Sequence[str] = (),
    word: str = "",
    published: str = "2026-01-01T00:00:00Z",
    **more: Any,
) -> dict[str, Any]:
    """A record of one package; `word` is the severity in `database_specific`."""
    affected: dict[str, Any] = {"package": {"ecosystem": ecosystem, "name": name}}
    if events:
        affected["ranges"] = [{"type": kind, "events": list(events)}]
    if versions:
        affected["versions"] = list(versions)
    return {
        "schema_version": "1.7.3",
        "id": identity,
        "published": published,
        "modified": published,
        "summary": f"A fault of {name}",
        "affected": [affected],
        **({"database_specific": {"severity": word}} if word else {}),
        **more,
    }


def export(folder: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write records as files in JSON, by ecosystem."""
    for item in records:
        ecosystem = item["affected"][0]["package"]["ecosystem"]
        file = folder / ecosystem / f"{item['id']}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(item), encoding="utf-8")
    return folder
