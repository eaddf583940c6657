"""`builder lock`."""

from __future__ import annotations

from typing import Any

import click

from builder.app.app import App
from builder.app.inheritance import inheritance
from builder.app.lock_check import ask_again
from builder.app.week import relock
from builder.cli.open import open_app
from builder.cli.options import planning, reachable
from builder.common.errors import ConfigError, raise_all
from builder.common.filelock import run_lock
from builder.lock.fit import stale_package_sets
from builder.lock.lockfile import FILE
from builder.lock.package_locker import alive_targets
from builder.lock.problems import failures


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@planning
@reachable
@click.option(
    "--upgrade",
    is_flag=True,
    help="Take newer versions: of all, or of NAME (package, recipe, image, axis, release line). A"
    " release line with several providers moves by AXIS=VALUE@PROVIDER.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Only check that matrix.lock fits the catalog and says nothing false; needs no network.",
)
@click.option(
    "--online",
    is_flag=True,
    help="With --check: also ask each index again whether it states these hashes.",
)
def command(
    names: tuple[str, ...], upgrade: bool, check: bool, online: bool, **options: Any
) -> int:
    """Resolve base images, versions and packages, and write matrix.lock.

    Without --upgrade, entries that still fit the catalog stay as they are. A base image keeps its
    source for as long as the matrix lists it. An entry that cannot be resolved keeps its old
    content, or is left out; all others are written, and the exit code is 5.

    \b
    Example:
      builder lock --upgrade && git diff matrix.lock
      builder lock --upgrade lxml libssl3t64
      builder lock --check --online
    """
    if not check and names and not upgrade:
        raise ConfigError(
            "package names need --upgrade",
            hint=f"builder lock --upgrade {' '.join(names)}",
        )
    if online and not check:
        raise ConfigError("--online needs --check", hint="builder lock --check --online")
    app = open_app(**options, pins=not check)
    if check:
        _check(app)
        if online:
            _check_online(app)
        return 0
    with run_lock(app.state):
        locked = relock(app, (names or None) if upgrade else ())
    raise_all(failures(locked.problems, reachable=app.options.reachable))
    return 0


def _check(app: App) -> None:
    alive = alive_targets(app.project.expansion, app.options.today)
    stale = stale_package_sets(app.catalog, app.project.expansion, app.locked(), alive)
    if stale:
        raise ConfigError(
            f"{FILE} does not fit the catalog: {', '.join(stale[:5])}"
            + (f" and {len(stale) - 5} more" if len(stale) > 5 else ""),
            hint="run `builder lock`, and commit what it wrote",
        )
    inherits = inheritance(app.project)
    if inherits and (needless := inherits.needless):
        rest = f" and {len(needless) - 5} more" if len(needless) > 5 else ""
        raise ConfigError(
            f"{FILE} has entries of its own that the catalog below has: "
            + ", ".join(needless[:5])
            + rest,
            hint="`builder lock` takes them out; `lock: own` of an image keeps its own",
        )
    click.echo(f"{FILE} fits the catalog", err=True)


def _check_online(app: App) -> None:
    with app.working():
        raise_all(ask_again(app))
    click.echo(f"{FILE} says what the indexes say", err=True)
