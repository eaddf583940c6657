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
        rollback = Rollback(catalog=app.catalog, store=store)
        plan = rollback.prepare(release, app.options.today)
        updates = rollback.tag_updates(plan)
        if not dry_run:
            app.write_index(rollback.carry_out(plan, lambda text: click.echo(text, err=True)))
    _tell(plan, updates)
    if dry_run:
        click.echo("nothing was written: without --dry-run it is")
        return 0
    if write_lock:
        app.workspace.write_lock(plan.old.lock)
        click.echo(f"{FILE} is that of {release}; `builder weekly` would upgrade it again")
    else:
        click.echo(
            f"{FILE} is as it was: `builder publish` or `builder weekly` would go forward again;"
            f" --write-lock makes it that of {release}"
        )
    return 0


def _tell(plan: RollbackPlan, updates: Sequence[tuple[TagUpdate, str | None]]) -> None:
    """Print what the rollback changes, chart by chart and tag by tag."""
    if plan.is_current:
        click.echo(f"{plan.current.release} offers what {plan.old.release} did: nothing to do")
        return
    before, after = plan.current.release, plan.record.release
    click.echo(f"{after}: what {plan.old.release} offered, in place of {before}")
    for name, package in plan.packages.items():
        before_arrow = (
            f"{plan.current.charts[name].version} → " if name in plan.current.charts else ""
        )
        old_version = plan.old.charts[name].version
        click.echo(f"chart {name}: {before_arrow}{package.version}, with what {old_version} held")
    moved = [(update, digest) for update, digest in updates if digest is not None]
    for update, digest in moved:
        click.echo(f"{update.tag}: {str(digest)[:19]} → {update.source.digest[:19]}")
    new = len(updates) - len(moved)
    charts = count(len(plan.packages), "new chart")
    click.echo(f"{charts}; of the tags {len(moved)} named something else, {new} nothing")
