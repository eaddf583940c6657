"""`builder diff`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.open import open_app
from builder.cli.options import planning
from builder.report.diff import FORMATS


@click.command()
@click.argument("old")
@click.argument("new", default="current")
@planning
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
def command(old: str, new: str, style: str, **options: Any) -> int:
    """Compare two releases, locks (files), tags or digests.

    NEW is the current release by default. Reads records and image metadata in the registry; it
    pulls no image and starts no container.

    \b
    Example:
      builder diff 2026.11.16 2026.11.23 --format markdown
      builder diff matrix.lock.old matrix.lock
      builder diff base:latest-2026.11.16 base:latest
    """
    click.echo(FORMATS[style](open_app(**options).diff(old, new)))
    return 0
