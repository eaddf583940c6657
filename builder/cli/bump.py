"""`builder bump`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.app.bump import bump, carry_out
from builder.bump.outcome import PROPOSED
from builder.cli.open import notify, open_app
from builder.cli.options import root, today
from builder.common.errors import StepError
from builder.report.bump import FORMATS

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("axes", nargs=-1, metavar="[AXIS]…")
@root
@today
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
@click.option(
    "--indexes",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Read what was observed from this folder, and ask no index.",
)
@click.option("--record", type=_FOLDER, help="Write what was observed into this folder, too.")
@click.option(
    "--write", is_flag=True, help="Carry out what can be in matrix.yaml: new lines, ends of life."
)
@click.option("--strict", is_flag=True, help="End with 5 where an index was not looked at.")
@click.option(
    "--exit-code", "tells", is_flag=True, help=f"End with {PROPOSED} where there are proposals."
)
def command(
    axes: tuple[str, ...],
    style: str,
    indexes: Path | None,
    record: Path | None,
    write: bool,
    strict: bool,
    tells: bool,
    **options: Any,
) -> int:
    """Say which release lines may come, and which end.

    Asks the index of each provider, and the tables of ends of life that `bump` in matrix.yaml
    names. With --write, edits matrix.yaml; every line that is not meant stays as it is.

    \b
    Example:
      builder bump python spark
    """
    app = open_app(**options, only_looks=True)
    outcome = bump(app, axes, indexes=indexes, record=record)
    click.echo(FORMATS[style](outcome))
    if write:
        for line in carry_out(app, outcome):
            notify(line)
    if strict and outcome.not_looked_at:
        return StepError.exit_code
    return PROPOSED if tells and outcome.proposals else 0
