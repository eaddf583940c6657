"""`builder charts`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.options import Options, running
from builder.cli.running import carry_out, tell_failures
from builder.cli.wiring import Session


@click.command()
@running
def command(**given: Any) -> int:
    """Render the charts whose content changed, check them, run them, push their packages.

    Their images must have been built: `builder build`. Nothing is offered yet: that is
    `builder publish`.

    \b
    Example:
      builder charts --select 'jupyter-r'
    """
    session = Session(Options(**given))
    with session.registry():
        outcome = carry_out(session, session.locked(), {"chart"})
    tell_failures(outcome)
    return outcome.exit_code
