"""`builder publish`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.options import Options, running
from builder.cli.running import carry_out, tell_ending
from builder.cli.wiring import Session
from builder.turns import at_work


@click.command()
@running
def command(**given: Any) -> int:
    """Release what passed: packages, record, tags, then the chart repository's index.

    What did not pass keeps what the last release had.

    \b
    Example:
      builder publish --registry ghcr.io/myorg
    """
    session = Session(Options(**given))
    lock = session.fitting_lock()
    with at_work(session.workspace.state), session.registry():
        outcome = carry_out(session, lock, {"release"})
    tell_ending(outcome, "release")
    return outcome.exit_code
