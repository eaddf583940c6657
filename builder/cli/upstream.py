"""`builder upstream`, and the commands below it."""

from __future__ import annotations

import click

from builder.cli.lazy import LazyGroup

# Each is a module `upstream_<name>` of this package with a function `command`.
COMMANDS = {
    "status": "show what this catalog stands on, and the state of its patches and files",
    "diff": "show what another content of the catalog below changes here",
    "update": "stand on the newest release of the catalog below",
    "show": "show a file of the catalog below",
    "accept": "record that somebody has looked at what is below",
    "keep": "copy what the catalog below is going to remove into this one",
    "vendor": "copy the catalogs below into this repository",
}


@click.group(cls=LazyGroup, summaries=COMMANDS, modules="builder.cli.upstream_{}")
def command() -> None:
    """Follow the catalog that yours stands on, the one that `extends` in matrix.yaml names.

    Charts and images of others, which a catalog copies, have nothing to do with it.

    \b
    Example:
      builder upstream diff
      builder upstream update
    """
