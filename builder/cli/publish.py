"""`builder publish`."""

from __future__ import annotations

from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.cli.options import running
from builder.cli.run import carry_out, tell_ending
from builder.common.filelock import run_lock


@click.command()
@running
def command(**given: Any) -> int:
    """Make a release of all that passed: chart packages, record, tags, then the chart index.

    Images and charts that did not pass stay as they were in the last release.

    \b
    Example:
      builder publish --registry ghcr.io/myorg
    """
    app = App(Options(**given))
    lock = app.fitting_lock()
    with run_lock(app.workspace.state), app.registry():
        outcome = carry_out(app, lock, {"release"})
    tell_ending(outcome, "release")
    return outcome.exit_code
