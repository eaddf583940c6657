"""`builder fork`, and the commands below it."""

from __future__ import annotations

import click

from builder.cli.lazy import LazyGroup

# Each is a module `fork_<name>` of this package with a function `command`.
COMMANDS = {
    "init": "write a catalog that stands on another one: matrix.yaml, and no copy",
    "extract": "write what a copied catalog has otherwise, as one that stands on the original",
}


@click.group(cls=LazyGroup, summaries=COMMANDS, modules="builder.cli.fork_{}")
def command() -> None:
    """Keep a catalog of your own that stands on another one.

    \b
    Example:
      builder fork init --from ../catalog my-fork
    """
