"""`builder rollback`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from builder.cli.open import open_app
from builder.cli.options import releasing
from builder.common.text import count
from builder.lock.lockfile import FILE
from builder.release.commit import Move
from builder.release.rollback import Return, Rollback


@click.command()
@click.argument("release")
@releasing
@click.option("--dry-run", is_flag=True, help="Only show what would be released.")
@click.option(
    "--write-lock", is_flag=True, help="Also write the lock of that release to matrix.lock."
)
def command(release: str, dry_run: bool, write_lock: bool, **given: Any) -> int:
    """Publish the images of an older release again, and its charts with higher versions.

    Images and charts that were added since stay published as they are.

    \b
    Example:
      builder rollback 2026.11.16 --dry-run
    """
    app = open_app(**given)
    with app.registry():
        store = app.adapters.store
        rollback = Rollback(catalog=app.catalog, store=store)
        to = rollback.prepare(release, app.options.today)
        moves = rollback.moves(to)
        if not dry_run:
            rollback.carry_out(to, lambda text: click.echo(text, err=True))
            app.write_index()
    _tell(to, moves)
    if dry_run:
        click.echo("nothing was written: without --dry-run it is")
        return 0
    if write_lock:
        app.workspace.write_lock(to.old.lock)
        click.echo(f"{FILE} is that of {release}; `builder weekly` would upgrade it again")
    else:
        click.echo(
            f"{FILE} is as it was: `builder publish` or `builder weekly` would go forward again;"
            f" --write-lock makes it that of {release}"
        )
    return 0


def _tell(to: Return, moves: Sequence[tuple[Move, str | None]]) -> None:
    """What is offered, chart by chart and tag by tag."""
    if to.is_offered:
        click.echo(f"{to.current.release} offers what {to.old.release} did: nothing to do")
        return
    before, after = to.current.release, to.record.release
    click.echo(f"{after}: what {to.old.release} offered, in place of {before}")
    for name, package in to.packages.items():
        now = f"{to.current.charts[name].version} → " if name in to.current.charts else ""
        held = to.old.charts[name].version
        click.echo(f"chart {name}: {now}{package.version}, with what {held} held")
    moved = [(move, digest) for move, digest in moves if digest is not None]
    for move, digest in moved:
        click.echo(f"{move.place}: {str(digest)[:19]} → {move.source.digest[:19]}")
    new = len(moves) - len(moved)
    charts = count(len(to.packages), "new chart")
    click.echo(f"{charts}; of the tags {len(moved)} named something else, {new} nothing")
