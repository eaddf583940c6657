"""`builder flatten`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.app.flattened import flattened
from builder.cli.open import open_app
from builder.cli.options import planning
from builder.common.errors import ConfigError
from builder.common.files import write
from builder.common.limits import safe_join
from builder.common.text import count


@click.command()
@planning
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to write to: a new one, or an empty one.",
)
def command(out: Path, **options: Any) -> int:
    """Write a catalog that stands on others as one that stands alone.

    It has the same targets, with the same fingerprints, the same charts and the same lock.

    \b
    Example:
      builder flatten --out alone && builder plan --root alone
    """
    app = open_app(**options)
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty", hint="name a new folder with --out")
    files = list(flattened(app.project, app.workspace.files))
    for file in files:
        write(safe_join(out, file.path), file.data, file.mode, lasting=False)
    click.echo(f"{count(len(files), 'file')} in {out}", err=True)
    return 0
