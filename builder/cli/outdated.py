"""`builder outdated`."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from builder.app.inheritance import inheritance
from builder.cli.open import open_app
from builder.cli.options import planning
from builder.common.errors import GoneError, raise_all
from builder.diff.outdated import LockedBases, outdated
from builder.lock.problems import failures
from builder.report.outdated import FORMATS


@click.command()
@planning
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
def command(style: str, **options: Any) -> int:
    """List the targets that a new lock would change, and through which packages.

    Reads package indexes only: it builds, starts and pulls nothing, and leaves matrix.lock as it
    is.

    \b
    Example:
      builder outdated --select 'jupyter-*'
    """
    app = open_app(**options, only_looks=True)
    lock, indexes = app.locked(), app.adapters.indexes
    bases = LockedBases(indexes.refresh)
    with contextlib.nullcontext() if indexes.has_bases(lock) else app.registry():
        inherits = inheritance(app.project)
        locked = app.lock(upgrade=None, bases=bases, holds=False)
        report = outdated(
            expansion=app.project.expansion,
            selected=app.selected(),
            locked=lock,
            newest=locked.lock,
            fingerprints=app.fingerprints,
            newer=indexes.newer,
            moved_on=bases.moved_on,
            available=locked.available,
            today=app.options.today,
            held=inherits.held_targets(app.project) if inherits else (),
        )
    click.echo(FORMATS[style](report))
    # That a base has moved on is found out, and no failure.
    problems = [problem for problem in locked.problems if not isinstance(problem.error, GoneError)]
    raise_all(failures(problems, reachable=True))
    return 0
