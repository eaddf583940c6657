"""`builder build`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.options import Options, disk, running
from builder.cli.running import carry_out, tell_failures
from builder.cli.wiring import Session
from builder.turns import at_work


@click.command()
@running
@disk
def command(**given: Any) -> int:
    """Build what the registry does not have, test it, push it under its fingerprint.

    Nothing is offered yet: that is `builder publish`.

    \b
    Example:
      builder build --select 'jupyter-*,python=3.13'
    """
    session = Session(Options(**given))
    with at_work(session.workspace.state), session.registry():
        outcome = carry_out(session, session.locked(), {"base", "build"})
    tell_failures(outcome)
    return outcome.exit_code
