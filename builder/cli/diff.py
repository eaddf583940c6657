"""`builder diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.cli.options import planning
from builder.diff.history import History
from builder.diff.operands import Comparison
from builder.lock.lockfile import Lock, parse
from builder.report.diff import FORMATS


@click.command()
@click.argument("old")
@click.argument("new", default="current")
@planning
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
def command(old: str, new: str, style: str, **given: Any) -> int:
    """Compare two releases, locks (files), tags or digests.

    NEW is the current release by default. Reads records and image metadata in the registry; it
    pulls no image and starts no container.

    \b
    Example:
      builder diff 2026.11.16 2026.11.23 --format markdown
      builder diff matrix.lock.old matrix.lock
      builder diff base:latest-2026.11.16 base:latest
    """
    app = App(Options(**given))
    catalog, store = app.catalog, app.store
    comparison = Comparison(
        catalog=catalog,
        history=History(catalog=catalog, store=store),
        store=store,
        read_lock=_read_lock,
    )
    with app.registry():
        click.echo(FORMATS[style](comparison.compare(old, new)))
    return 0


def _read_lock(path: str) -> Lock | None:
    file = Path(path)
    if not file.is_file():
        return None
    return parse(file.read_text(encoding="utf-8"), path)
