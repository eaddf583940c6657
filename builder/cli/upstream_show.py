"""`builder upstream show`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.versions_of_file import three_way, versions_of
from builder.cli.options import root as root_option
from builder.cli.stacks import following, newest
from builder.common.errors import SelectionError


@click.command()
@click.argument("path", metavar="PATH")
@root_option
@click.option(
    "--three-way",
    "is_compared",
    is_flag=True,
    help="Show what changed in it since it was accepted, and how ours differs.",
)
@click.option(
    "--rev",
    default="",
    metavar="REF",
    help="The file as it is at a branch, a tag or a commit; --three-way compares the pin with it.",
)
def command(path: str, root: Path, is_compared: bool, rev: str) -> int:
    """Show a file of the catalog below, by its path there, as it is at the pin.

    \b
    Example:
      builder upstream show images/base/Dockerfile.j2 --rev main
      builder upstream show images/base/Dockerfile.j2 --three-way
    """
    workspace = following(root)
    pinned = workspace.files
    files = following(root, pins=newest(root, rev)).files if rev else pinned
    found = versions_of(files, path, workspace.state.upstreams, pinned if rev else None)
    if is_compared:
        click.echo(three_way(found), nl=False)
    elif found.now is None:
        raise SelectionError(
            f"{found.catalog} no longer has a file {path}",
            hint=f"builder upstream show --three-way {path}",
        )
    else:
        click.echo(found.now, nl=False)
    return 0
