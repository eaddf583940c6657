"""`builder upstream vendor`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.vendored import vendor
from builder.cli.options import root as root_option
from builder.cli.stacks import following
from builder.resolvers.ecosystems import ECOSYSTEMS


@click.command()
@root_option
def command(root: Path) -> int:
    """Copy the pinned catalogs below into this repository, for machines without a network.

    They come to `upstreams/NAME`, and `extends` in matrix.yaml names these folders. Their content
    stays the same, so nothing is built because of it.

    \b
    Example:
      builder upstream vendor && git add upstreams matrix.yaml matrix.lock
    """
    workspace = following(root)
    extends = workspace.load(ecosystems=ECOSYSTEMS).catalog.matrix.extends
    for item in vendor(workspace.files, extends):
        click.echo(f"{item.name} is in {item.path}", err=True)
    return 0
