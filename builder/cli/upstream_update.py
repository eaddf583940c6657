"""`builder upstream update`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.app.stacks import read_stack
from builder.cli.open import app_on
from builder.cli.options import releasing
from builder.cli.stacks import compared, following, labels_of, newest
from builder.common.errors import ConfigError, raise_all
from builder.common.filelock import run_lock
from builder.common.files import write
from builder.common.text import count
from builder.lock import lockfile as locks
from builder.lock.problems import failures
from builder.overlay.replaced_files import lock_of
from builder.report.stacks import as_table


@click.command()
@click.argument("ref", default="")
@releasing
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option(
    "--only-pin",
    is_flag=True,
    help="Move the pin even where this catalog conflicts with it, and lock nothing anew.",
)
def command(ref: str, root: Path, dry_run: bool, only_pin: bool, **options: Any) -> int:
    """Stand on the newest release of the catalog below, or on REF.

    It writes matrix.lock: which content counts, what our patches select on it, and what of ours
    must be locked again. Where the new content conflicts with this catalog, it writes nothing;
    `builder upstream diff` shows what is to be settled.

    \b
    Example:
      builder upstream update --dry-run
      builder upstream update
    """
    before, pins = read_stack(following(root)), newest(root, ref)
    if all(before.files.pins.get(name) == pin for name, pin in pins.items()):
        click.echo("nothing newer is below", err=True)
        return 0
    after = read_stack(following(root, pins=pins))
    found = compared(before, after, labels_of(before, after), **options)
    click.echo(as_table(found))
    if not only_pin and found.conflicts:
        what = count(len(found.conflicts), "conflict")
        raise ConfigError(
            f"{what} with what is new below: matrix.lock stays as it is",
            hint="change this catalog, and run it again; --only-pin moves the pin all the same",
        )
    if dry_run:
        return 0
    if only_pin:
        own = after.files.own
        lock = lock_of(own)
        lock = replace(lock, upstreams={**lock.upstreams, **pins})
        write(own.root / locks.FILE, locks.dump(lock).encode())
    else:
        assert after.project is not None  # there is no conflict
        _lock(app_on(after.project, **options))
    click.echo(f"{locks.FILE} written", err=True)
    return 0


def _lock(app: App) -> None:
    """Write matrix.lock with all that the new content asks for, or nothing of it."""
    with run_lock(app.state):
        locked = app.lock()
        raise_all(failures(locked.problems, reachable=app.options.reachable))
        app.write_lock(locked.lock)
