"""`builder upstream`, and the commands below it."""

from __future__ import annotations

import click

from builder.cli.lazy import LazyGroup

# Each is a module `upstream_<name>` of this package with a function `command`.
COMMANDS = {
    "diff": "show what another content of the catalog below changes here",
}


@click.group(cls=LazyGroup, summaries=COMMANDS, modules="builder.cli.upstream_{}")
def command() -> None:
    """Follow the catalog that yours stands on, the one that `extends` in matrix.yaml names.

    Charts and images of others, which a catalog copies, have nothing to do with it.

    \b
    Example:
      builder upstream diff --catalog upstream=../catalog-of-tomorrow
    """
