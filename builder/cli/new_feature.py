"""`builder new feature`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.scaffold import feature
from builder.cli.new_files import tell, write_new
from builder.cli.options import root as root_option


@click.command()
@click.argument("name")
@root_option
def command(name: str, root: Path) -> int:
    """Write a feature of charts: charts/features/NAME.

    It has one value, which becomes a variable of the container. No chart names it yet.

    \b
    Example:
      builder new feature my-greeting
    """
    write_new(root, feature(name))
    tell(f"add {name} to `features` of a chart.yaml", "builder charts")
    return 0
