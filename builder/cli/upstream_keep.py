"""`builder upstream keep`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.kept_objects import keep
from builder.app.stacks import beside
from builder.cli.options import root as root_option
from builder.cli.stacks import FOLDERS, folders_of, workspace_of
from builder.common.text import count


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@root_option
@FOLDERS
def command(names: tuple[str, ...], root: Path, catalogs: tuple[str, ...]) -> int:
    """Copy images, charts and features of the catalog below into this one.

    So what the catalog below is going to remove stays: its files, and its line of matrix.yaml with
    a comment that says where it is from. With --catalog they are taken from a folder that still
    has them.

    \b
    Example:
      builder upstream keep r-minimal
    """
    workspace = workspace_of(root)
    folders = folders_of(catalogs)
    files = beside(workspace, folders).files if folders else workspace.files
    for item in keep(files, names):
        click.echo(f"{item.kind} {item.name} kept: {count(len(item.paths), 'file')}", err=True)
    return 0
