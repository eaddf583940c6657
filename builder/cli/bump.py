"""`builder bump`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.app.bump import bump
from builder.bump.outcome import PROPOSED
from builder.cli.open import open_app
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
@click.option("--strict", is_flag=True, help="End with 5 where an index was not looked at.")
@click.option(
    "--exit-code", "tells", is_flag=True, help=f"End with {PROPOSED} where there are proposals."
)
def command(
    axes: tuple[str, ...],
    style: str,
    indexes: Path | None,
    record: Path | None,
    strict: bool,
    tells: bool,
    **options: Any,
) -> int:
    """Say which release lines may come, and which end.

    Asks the index of each provider, and the tables of ends of life that `bump` in matrix.yaml
    names. Writes nothing into the catalog.

    \b
    Example:
      builder bump python spark
    """
    outcome = bump(open_app(**options, only_looks=True), axes, indexes=indexes, record=record)
    click.echo(FORMATS[style](outcome))
    if strict and outcome.not_looked_at:
        return StepError.exit_code
    return PROPOSED if tells and outcome.proposals else 0
