"""`builder outdated`."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.cli.lock import chosen_lock
from builder.cli.options import planning
from builder.common.errors import GoneError, raise_all
from builder.diff.outdated import HeldBases, outdated
from builder.lock.package_locker import ALL
from builder.lock.problems import failures
from builder.report.outdated import FORMATS


@click.command()
@planning
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
def command(style: str, **given: Any) -> int:
    """List the targets that a new lock would change, and through which packages.

    Reads package indexes only: it builds, starts and pulls nothing, and leaves matrix.lock as it
    is.

    \b
    Example:
      builder outdated --select 'jupyter-*'
    """
    app = App(Options(**given, only_looks=True))
    held = app.locked()
    bases = HeldBases(app.refresh)
    with contextlib.nullcontext() if app.has_bases(held) else app.registry():
        locked = chosen_lock(app, ALL, bases)
        found = outdated(
            expansion=app.project.expansion,
            selected=app.selected(),
            held=held,
            found=locked.lock,
            prints=app.fingerprints,
            newer=app.newer,
            moved_on=bases.moved_on,
            today=app.options.today,
        )
    click.echo(FORMATS[style](found))
    # That a base has moved on is found out, and no failure.
    problems = [one for one in locked.problems if not isinstance(one.error, GoneError)]
    raise_all(failures(problems, reachable=True))
    return 0
