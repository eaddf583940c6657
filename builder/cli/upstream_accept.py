"""`builder upstream accept`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.cli.options import root as root_option
from builder.cli.stacks import workspace_of
from builder.replaced_files import accept_replaced


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@root_option
@click.option(
    "--as-new",
    is_flag=True,
    help="A file whose file below is gone is a file of this catalog from now on.",
)
def command(paths: tuple[str, ...], root: Path, as_new: bool) -> int:
    """Record in matrix.lock that somebody has looked at what is below.

    \b
    Example:
      builder upstream accept images/base/Dockerfile.j2
    """
    for path in accept_replaced(workspace_of(root).files, paths, as_new=as_new):
        click.echo(f"{path} accepted", err=True)
    return 0
