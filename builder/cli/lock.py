"""`builder lock`."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.catalog.recipe import named_at
from builder.cli.options import planning, reachable
from builder.common.errors import ConfigError, raise_all
from builder.common.filelock import run_lock
from builder.common.text import count
from builder.lock.fit import stale_package_sets
from builder.lock.interfaces import BaseLocker
from builder.lock.locker import Locked, lock_catalog
from builder.lock.lockfile import FILE
from builder.lock.package_locker import ALL, NOTHING, Upgrade, alive_targets, overdue_pins
from builder.lock.problems import failures


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@planning
@reachable
@click.option(
    "--upgrade",
    is_flag=True,
    help="Take newer versions: of all, or of NAME (package, recipe, image, axis, release line).",
)
@click.option(
    "--check", is_flag=True, help="Only check that matrix.lock fits the catalog; needs no network."
)
def command(names: tuple[str, ...], upgrade: bool, check: bool, **given: Any) -> int:
    """Resolve base images, versions and packages, and write matrix.lock.

    Without --upgrade, entries that still fit the catalog stay as they are. A base image keeps its
    source for as long as the matrix lists it. An entry that cannot be resolved keeps its old
    content, or is left out; all others are written, and the exit code is 5.

    \b
    Example:
      builder lock --upgrade && git diff matrix.lock
      builder lock --upgrade lxml libssl3t64
    """
    app = App(Options(**given))
    if check:
        return _check(app)
    if names and not upgrade:
        raise ConfigError(
            f"what is to be done about {', '.join(names)}?",
            hint=f"builder lock --upgrade {' '.join(names)}",
        )
    moving = Upgrade(is_all=not names, names=frozenset(names)) if upgrade else NOTHING
    with run_lock(app.workspace.state):
        locked = relock(app, moving)
    raise_all(failures(locked.problems, reachable=app.options.reachable))
    return 0


def _check(app: App) -> int:
    alive = alive_targets(app.project.expansion, app.options.today)
    stale = stale_package_sets(app.catalog, app.project.expansion, app.locked(), alive)
    if stale:
        raise ConfigError(
            f"{FILE} does not fit the catalog: {', '.join(stale[:5])}"
            + (f" and {len(stale) - 5} more" if len(stale) > 5 else ""),
            hint="run `builder lock`, and commit what it wrote",
        )
    click.echo(f"{FILE} fits the catalog", err=True)
    return 0


def relock(app: App, upgrade: Upgrade = ALL) -> Locked:
    """Lock what is selected, and write matrix.lock where that changed it, whatever failed."""
    locked = chosen_lock(app, upgrade)
    changed = app.workspace.write_lock(locked.lock)
    click.echo(f"{FILE} {'written' if changed else 'is up to date'}", err=True)
    return locked


def chosen_lock(app: App, upgrade: Upgrade, bases: BaseLocker | None = None) -> Locked:
    """The lock of what is selected, not written; `bases` stand in for the app's."""
    targets = count(len(app.selected()), "target")
    _note(f"{targets}: looking at bases, release lines and packages")
    app.check()
    for text in overdue_pins(app.catalog.matrix, app.options.today):
        _note(text)
    return lock_catalog(
        catalog=app.catalog,
        expansion=app.project.expansion,
        held=app.project.lock,
        bases=bases or app.bases,
        providers=app.providers,
        today=app.options.today,
        note=_note,
        locate=partial(named_at, app.workspace.read),
        targets=app.selected(),
        upgrade=upgrade,
        resolvers=app.resolvers,
        explain=lambda found: app.package_check.check(found, app.selected()),
    )


def _note(text: str) -> None:
    # In one piece: several bases are looked at together.
    sys.stderr.write(f"lock: {text}\n")
