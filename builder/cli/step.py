"""`builder step`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.options import Options, running
from builder.cli.running import carry_out, tell_failures
from builder.cli.wiring import Session
from builder.turns import at_work


@click.command()
@click.argument("step_id", metavar="ID")
@running
def command(step_id: str, **given: Any) -> int:
    """Carry out one step of the plan, with the lock and the registry as its only state.

    \b
    Example:
      builder step 'build:base/debian=13'
    """
    session = Session(Options(**given))
    with at_work(session.workspace.state, beside=True), session.registry():
        outcome = carry_out(session, session.locked(), (), only=step_id)
    tell_failures(outcome)
    return outcome.exit_code
