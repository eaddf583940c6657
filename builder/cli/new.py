"""`builder new`, and the commands below it."""

from __future__ import annotations

import click

from builder.cli.lazy import LazyGroup

# Each is a module `new_<name>` of this package with a function `command`.
COMMANDS = {
    "recipe": "an image on another one: its recipe and tests, and its line in matrix.yaml",
    "chart": "a chart of an image, with its tests",
    "service": "an image that serves, with its chart and the tests of both",
    "feature": "a feature that charts can name",
}


@click.group(cls=LazyGroup, summaries=COMMANDS, modules="builder.cli.new_{}")
def command() -> None:
    """Write the first files of something that you add to a catalog.

    What is written is whole: it builds, and it passes its own tests. No file is replaced.

    \b
    Example:
      builder new service my-dashboard --on base
    """
