"""What a change of the catalog changes: its targets, against those of another checkout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from builder.cli.options import Options
from builder.cli.wiring import Session
from builder.fingerprint import differences


def changes(options: Options, since: Path) -> Mapping[str, str]:
    """Why each target that is selected differs from that of the catalog in `since`; by id."""
    session, other = Session(options), Session(replace(options, root=since))
    picked = set(session.selected())
    before, now = (one.fingerprints(one.locked()) for one in (other, session))
    return {
        target: f"changed: {', '.join(parts)}" if parts else "new"
        for target, parts in differences(before, now).items()
        if target in picked
    }
