"""`builder step`."""

from __future__ import annotations

from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.cli.options import running
from builder.cli.run import carry_out, tell_ending
from builder.common.filelock import run_lock


@click.command()
@click.argument("steps", metavar="ID...", nargs=-1, required=True)
@running
def command(steps: tuple[str, ...], **given: Any) -> int:
    """Carry out single steps of the plan. Needs the lock and the registry, and no other state.

    \b
    Example:
      builder step 'build:base/debian=13'
    """
    app = App(Options(**given))
    lock = app.fitting_lock()
    with run_lock(app.workspace.state, beside=True), app.registry():
        outcome = carry_out(app, lock, (), only=steps)
    tell_ending(outcome, "release")
    return outcome.exit_code
