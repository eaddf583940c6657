"""`builder outdated`."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from builder.app.app import Session
from builder.app.options import Options
from builder.cli.lock import chosen_lock
from builder.cli.options import planning
from builder.common.errors import GoneError, raise_all
from builder.diff.outdated import HeldBases, outdated
from builder.lock.package_locker import ALL
from builder.lock.problems import failures
from builder.report.outdated import FORMATS, as_data


@click.command()
@planning
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
def command(style: str, **given: Any) -> int:
    """Say which targets a new lock would change, and through which packages.

    Only indexes are asked: nothing is built, started or pulled, and matrix.lock stays as it is.

    \b
    Example:
      builder outdated --select 'jupyter-*'
    """
    session = Session(Options(**given, only_looks=True))
    held = session.locked()
    bases = HeldBases(session.refresh)
    with contextlib.nullcontext() if session.has_bases(held) else session.registry():
        locked = chosen_lock(session, ALL, bases)
        found = outdated(
            expansion=session.project.expansion,
            selected=session.selected(),
            held=held,
            found=locked.lock,
            prints=session.fingerprints,
            newer=session.newer,
            moved_on=bases.moved_on,
            today=session.options.today,
        )
    click.echo(FORMATS[style](as_data(found)))
    # That a base has moved on is found out, and no failure.
    problems = [one for one in locked.problems if not isinstance(one.error, GoneError)]
    raise_all(failures(problems, reachable=True))
    return 0
