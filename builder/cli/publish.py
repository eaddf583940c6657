"""`builder publish`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.open import open_app
from builder.cli.options import running
from builder.cli.run import run_steps


@click.command()
@running
def command(show_commands: bool, **options: Any) -> int:
    """Make a release of all that passed: chart packages, record, tags, then the chart index.

    Images and charts that did not pass stay as they were in the last release.

    \b
    Example:
      builder publish --registry ghcr.io/myorg
    """
    app = open_app(**options)
    return run_steps(app, {"release"}, ending_of="release", show_commands=show_commands)
