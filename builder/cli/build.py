"""`builder build`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.app.run import Run
from builder.app.since import Since
from builder.build.events import ImageResult, detail_of
from builder.cli.open import open_app
from builder.cli.options import disk, running, since
from builder.cli.run import plan_and_run, tell_ending
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
def command(since: Path | None, export: Path | None, show_commands: bool, **options: Any) -> int:
    """Build and test the images that the registry does not have, and push those that passed.

    They are not released yet: `builder publish` does that.

    \b
    Example:
      builder build --select 'jupyter-*,python=3.13'
    """
    app = open_app(**options)
    if since is not None:
        targets = Since(app, open_app(**{**options, "root": since, "catalogs": {}})).targets
        if not targets:
            click.echo(f"No target is new or changed since {since}.", err=True)
            return 0
        app = app.with_options(select=tuple(targets))
    lock = app.fitting_lock()
    with app.working():
        run = plan_and_run(app, {"base", "build"}, lock=lock, show_commands=show_commands)
        if run is not None and export is not None:
            _export(app, run, export.resolve())
    if run is None:
        return 0
    tell_ending(run, "build")
    return run.exit_code


def _export(app: App, run: Run, layout: Path) -> None:
    """Add the images that were selected, and are there, to an OCI layout."""
    for key in run.planned.selected:
        item, result = run.plan.targets[key], run.results[StepId.of("build", key)]
        image = detail_of(result, ImageResult)
        if result.ok and image:
            reference = item.repository.at(image.digest)
            app.adapters.store.export(reference, layout, item.target.slug)
            click.echo(f"{key} is in {layout} as {item.target.slug}", err=True)
