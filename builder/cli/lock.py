"""`builder lock`."""

from __future__ import annotations

import sys
from typing import Any

import click

from builder.cli.options import Options, planning
from builder.cli.wiring import Session
from builder.errors import raise_all
from builder.lock import FILE, Lock
from builder.locking import lock_catalog


@click.command()
@planning
def command(**given: Any) -> int:
    """Say what bases and lines are this week, in matrix.lock.

    A base keeps its source for as long as the matrix lists it.

    \b
    Example:
      builder lock && git diff matrix.lock
    """
    session = Session(Options(**given))
    relock(session)
    return 0


def relock(session: Session) -> Lock:
    """Lock what is selected, and write matrix.lock where that changed it."""
    lock = lock_catalog(
        catalog=session.catalog,
        expansion=session.project.expansion,
        held=session.project.lock,
        bases=session.bases,
        providers=session.providers,
        today=session.options.today,
        note=_note,
        targets=session.selected(),
    )
    _note("packages: looking")
    raise_all(session.package_check.check(lock, session.selected(), session.options.today))
    changed = session.workspace.write_lock(lock)
    click.echo(f"{FILE} {'written' if changed else 'is up to date'}", err=True)
    return lock


def _note(text: str) -> None:
    # In one piece: several bases are looked at together.
    sys.stderr.write(f"lock: {text}\n")
