"""`builder upstream keep`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from builder.app.kept_objects import keep
from builder.cli.options import catalogs as catalogs_option
from builder.cli.options import root as root_option
from builder.cli.stacks import following
from builder.common.text import count


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@root_option
@catalogs_option
def command(names: tuple[str, ...], root: Path, catalogs: Mapping[str, Path]) -> int:
    """Copy images, charts and features of the catalog below into this one.

    So what the catalog below is going to remove stays: its files, and its line of matrix.yaml with
    a comment that says where it is from. With --catalog they are taken from a folder that still
    has them.

    \b
    Example:
      builder upstream keep r-minimal
    """
    for item in keep(following(root, catalogs).files, names):
        click.echo(f"{item.kind} {item.name} kept: {count(len(item.paths), 'file')}", err=True)
    return 0
