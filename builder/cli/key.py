"""`builder key`, and the commands below it."""

from __future__ import annotations

import click

from builder.cli.lazy import LazyGroup

# Each is a module `key_<name>` of this package with a function `command`.
COMMANDS = {"create": "make a pair of keys, a private one and a public one"}


@click.group(cls=LazyGroup, summaries=COMMANDS, modules="builder.cli.key_{}")
def command() -> None:
    """Make the keys by which images, charts and releases are signed.

    \b
    Example:
      builder key create --out keys/2026
    """
