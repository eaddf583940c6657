"""`builder plan`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.options import Options, planning
from builder.cli.wiring import Session
from builder.report.plans import FORMATS


@click.command()
@planning
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
@click.option("--offline", is_flag=True, help="Ask no registry: everything counts as missing.")
def command(style: str, offline: bool, **given: Any) -> int:
    """Say what would be done, and why. Changes nothing.

    \b
    Example:
      builder plan --select '+jupyter-python' --format json
    """
    session = Session(Options(**given))
    lock = session.locked()
    prints = session.fingerprints(lock)
    observed = session.seen(lock, prints, offline=offline)
    click.echo(FORMATS[style](session.plan(lock, prints, observed)))
    return 0
