"""`builder step`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.cli.open import open_app
from builder.cli.options import kubeconfig, run_name, running
from builder.cli.run import run_steps


@click.command()
@click.argument("steps", metavar="ID...", nargs=-1, required=True)
@running
@kubeconfig
@click.option(
    "--export",
    type=click.Path(path_type=Path, file_okay=False),
    help="Push nothing: write it to this folder, for `builder push` on another machine.",
)
@run_name
def command(
    steps: tuple[str, ...], export: Path | None, show_commands: bool, **options: Any
) -> int:
    """Carry out single steps of the plan. Needs the lock and the registry, and no other state.

    With --export it needs no credential that can write.

    \b
    Example:
      builder step 'build:base/debian=13'
    """
    app = open_app(hand_over_to=export.resolve() if export else None, **options)
    if export:  # also where nothing is handed over, as another run has built everything
        export.mkdir(parents=True, exist_ok=True)
    return run_steps(
        app, (), only=steps, ending_of="release", show_commands=show_commands, beside=True
    )
