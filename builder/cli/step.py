"""`builder step`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.open import open_app
from builder.cli.options import running
from builder.cli.run import run_steps


@click.command()
@click.argument("steps", metavar="ID...", nargs=-1, required=True)
@running
def command(steps: tuple[str, ...], show_commands: bool, **options: Any) -> int:
    """Carry out single steps of the plan. Needs the lock and the registry, and no other state.

    \b
    Example:
      builder step 'build:base/debian=13'
    """
    app = open_app(**options)
    return run_steps(
        app, (), only=steps, ending_of="release", show_commands=show_commands, beside=True
    )
