"""`builder explain`."""

from __future__ import annotations

import difflib
import json
from typing import Any

import click

from builder.cli.options import Options, planning
from builder.cli.wiring import Session
from builder.evidence import DOCUMENT, reference_of
from builder.fingerprint import Fingerprint, compare
from builder.plan import TargetPlan
from builder.release import ReleasedTarget
from builder.selection import find


@click.command()
@click.argument("target")
@planning
@click.option("--offline", is_flag=True, help="Ask no registry.")
def command(target: str, offline: bool, **given: Any) -> int:
    """Show what a target's fingerprint is made of, and how it differs from what was released.

    \b
    Example:
      builder explain jupyter-python
    """
    session = Session(Options(**{**given, "select": ()}))
    lock = session.locked()
    prints = session.fingerprints(lock)
    found = find(session.project.expansion, target)
    click.echo(f"{found.id}\nfingerprint {prints[found.id].digest}\n")
    click.echo(json.dumps(prints[found.id].document, indent=1, sort_keys=True, ensure_ascii=False))
    if offline:
        return 0
    with session.registry():
        observed = session.observed(lock, prints)
        item = session.plan(lock, prints, observed).targets[found.id]
        click.echo(f"\n{item.action}: {item.reason}")
        held = observed.record.targets.get(found.id) if observed.record else None
        if held is not None and held.fingerprint != prints[found.id].digest:
            click.echo(_difference(session, item, held))
    return 0


def _difference(session: Session, item: TargetPlan, old: ReleasedTarget) -> str:
    """What changed since a release, from the document that was kept as evidence."""
    place = item.repository.with_tag(old.tag)
    evidence = session.store.get(reference_of(place))
    if evidence is None:
        return f"the registry has no evidence of {place}"
    before = json.loads(evidence.files[DOCUMENT].data)
    return difference(before, item.fingerprint, old.since)


def difference(before: dict[str, Any], now: Fingerprint, release: str) -> str:
    """The parts of a fingerprint that differ, as unified diffs."""
    lines: list[str] = []
    for part in compare(before, now.document):
        old, new = (_text(document[part]) for document in (before, now.document))
        lines += [
            "",
            *difflib.unified_diff(old, new, f"{part} in {release}", f"{part} now", lineterm=""),
        ]
    return "\n".join(lines)


def _text(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.splitlines()
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).splitlines()
