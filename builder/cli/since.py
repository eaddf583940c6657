"""What a change of the catalog changes: its targets, against those of another checkout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from builder.cli.options import Options
from builder.cli.wiring import Session
from builder.fingerprint import differences


def changes(options: Options, since: Path) -> Mapping[str, str]:
    """Why each target differs from that of the catalog in `since`; by id."""
    prints = []
    for root in (since, options.root):
        session = Session(replace(options, root=root))
        prints.append(session.fingerprints(session.locked()))
    before, now = prints
    return {
        target: f"changed: {', '.join(parts)}" if parts else "new"
        for target, parts in differences(before, now).items()
    }
