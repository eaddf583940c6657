"""`builder prune`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from builder.app.app import App
from builder.catalog.models import Retention
from builder.cli.open import open_app
from builder.cli.options import engine, releasing
from builder.common.errors import ToolError
from builder.common.text import count
from builder.release.prune.remove import Prune, unneeded
from builder.release.prune.search import Garbage, Policy, Search
from builder.report.prune import lines

_NUMBER = click.IntRange(min=0)


@click.command()
@releasing
@engine
@click.option(
    "--keep-weeks", type=click.IntRange(min=1), help="Use this in place of retention.weeks."
)
@click.option("--keep-months", type=_NUMBER, help="Use this in place of retention.months.")
@click.option("--retired-days", type=_NUMBER, help="Use this in place of retention.retired.")
@click.option(
    "--orphans",
    is_flag=True,
    help="Also delete what no release ever named; only while no run is in progress.",
)
@click.option("--yes", is_flag=True, help="Delete; without this option they are only listed.")
def command(
    keep_weeks: int | None,
    keep_months: int | None,
    retired_days: int | None,
    orphans: bool,
    yes: bool,
    **options: Any,
) -> int:
    """Delete images that no kept release, no living release line and no listed chart needs.

    `retention` in matrix.yaml says what is kept. Registries free the space at their next garbage
    collection.

    \b
    Example:
      builder prune --keep-weeks 4 --yes
    """
    app = open_app(**options)
    retention_options = {"weeks": keep_weeks, "months": keep_months, "retired": retired_days}
    policy = Policy(
        keep=_policy(
            app, {key: value for key, value in retention_options.items() if value is not None}
        ),
        today=app.options.today,
        orphans=orphans,
    )
    with app.registry(deletes=yes):
        return _prune(app, policy, is_real=yes)


def _prune(app: App, policy: Policy, *, is_real: bool) -> int:
    """Say what goes, and remove it where that `is_real`."""
    store, records = app.adapters.store, app.adapters.records
    search = Search(catalog=app.catalog, store=store, records=records, policy=policy)
    garbage = search.run()
    local = _local(app, garbage)
    for line in lines(garbage, local):
        click.echo(line)
    if not is_real:
        click.echo("nothing was removed: --yes removes it")
        return 0
    tags = Prune(store=store, records=records).carry_out(
        garbage,
        lambda record: app.write_index(record, keeps=garbage.charts),
        lambda text: click.echo(text, err=True),
    )
    for name in local:
        app.adapters.engine.drop(name)
    click.echo(f"removed, with {count(tags, 'tag')} of images that are kept")
    return 0


def _policy(app: App, overrides: dict[str, int]) -> Retention:
    """Return the retention of matrix.yaml, with the values of the given options in its place."""
    return replace(app.catalog.matrix.retention, **overrides)


def _local(app: App, garbage: Garbage) -> dict[str, int]:
    """Return the images of the engine that nothing needs, by size; none if there is no engine."""
    try:
        return unneeded(app.adapters.engine, garbage)
    except ToolError as error:
        click.echo(f"the images of the engine are skipped: {error.message}", err=True)
        return {}
