"""`builder rollback`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from builder.cli.open import open_app
from builder.cli.options import releasing
from builder.common.text import count
from builder.lock.lockfile import FILE
from builder.release.commit import TagUpdate
from builder.release.rollback import Rollback, RollbackPlan


@click.command()
@click.argument("release")
@releasing
@click.option("--dry-run", is_flag=True, help="Only show what would be released.")
@click.option(
    "--write-lock", is_flag=True, help="Also write the lock of that release to matrix.lock."
)
def command(release: str, dry_run: bool, write_lock: bool, **options: Any) -> int:
    """Publish the images of an older release again, and its charts with higher versions.

    Images and charts that were added since stay published as they are.

    \b
    Example:
      builder rollback 2026.11.16 --dry-run
    """
    app = open_app(**options)
    with app.registry():
        store = app.adapters.store
        rollback = Rollback(catalog=app.catalog, store=store, trust=app.adapters.trust)
        plan = rollback.prepare(release, app.options.today)
        updates = rollback.tag_updates(plan)
        if not dry_run:
            app.write_index(rollback.carry_out(plan, lambda text: click.echo(text, err=True)))
    _tell(plan, updates)
    if dry_run:
        click.echo("nothing was written: leave out --dry-run to publish")
        return 0
    if write_lock:
        app.workspace.write_lock(plan.old.lock)
        click.echo(f"{FILE} is now the lock of {release}; `builder weekly` would upgrade it again")
    else:
        click.echo(
            f"{FILE} is unchanged: `builder publish` or `builder weekly` would publish the newer"
            f" versions again; --write-lock restores the lock of {release}"
        )
    return 0


def _tell(plan: RollbackPlan, updates: Sequence[tuple[TagUpdate, str | None]]) -> None:
    """Print what the rollback changes, chart by chart and tag by tag."""
    if plan.is_current:
        click.echo(
            f"{plan.current.release} publishes the same as {plan.old.release}: nothing to do"
        )
        return
    before, after = plan.current.release, plan.record.release
    click.echo(f"{after}: publishes {plan.old.release} again, in place of {before}")
    for name, package in plan.packages.items():
        former = f"{plan.current.charts[name].version} → " if name in plan.current.charts else ""
        old_version = plan.old.charts[name].version
        click.echo(f"chart {name}: {former}{package.version}, with the content of {old_version}")
    moved = [(update, digest) for update, digest in updates if digest is not None]
    for update, digest in moved:
        click.echo(f"{update.tag}: {str(digest)[:19]} → {update.source.digest[:19]}")
    new = len(updates) - len(moved)
    charts = count(len(plan.packages), "new chart")
    click.echo(f"{charts}, {count(len(moved), 'moved tag')}, {count(new, 'new tag')}")
