"""`builder build`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.build.events import ImageResult, detail_of
from builder.cli.options import disk, running, since
from builder.cli.run import Outcome, carry_out, tell_ending
from builder.common.filelock import run_lock
from builder.plan.step_id import StepId


@click.command()
@running
@disk
@since
@click.option(
    "--export",
    type=click.Path(path_type=Path, file_okay=False),
    help="Add the selected images to an OCI layout in this folder, each under its slug.",
)
def command(since: Path | None, export: Path | None, **given: Any) -> int:
    """Build and test the images that the registry does not have, and push those that passed.

    They are not released yet: `builder publish` does that.

    \b
    Example:
      builder build --select 'jupyter-*,python=3.13'
    """
    options = Options(**given)
    if since is not None:
        from builder.cli.since import Since

        found = Since(options, since).targets
        if not found:
            click.echo(f"No target is new or changed since {since}.", err=True)
            return 0
        options = replace(options, select=tuple(found))
    app = App(options)
    lock = app.fitting_lock()
    with run_lock(app.workspace.state), app.registry():
        outcome = carry_out(app, lock, {"base", "build"})
        if export is not None and not options.show_commands:
            _export(app, outcome, export.resolve())
    tell_ending(outcome, "build")
    return outcome.exit_code


def _export(app: App, outcome: Outcome, layout: Path) -> None:
    """Lay the images that were selected, and are there, into an OCI layout."""
    for key in app.selected():
        item, result = outcome.plan.targets[key], outcome.results[StepId.of("build", key)]
        image = detail_of(result, ImageResult)
        if result.ok and image:
            place = item.repository.at(image.digest)
            app.store.export(place, layout, item.target.slug)
            click.echo(f"{key} is in {layout} as {item.target.slug}", err=True)
