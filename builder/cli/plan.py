"""`builder plan`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from builder.app.since import Since
from builder.ci.shards import SECONDS
from builder.cli.open import open_app
from builder.cli.options import planning, since
from builder.plan import time_estimate
from builder.report.plan import FORMATS, as_github, charts_as_markdown, gone_lines


@click.command()
@planning
@since
@click.option(
    "--published",
    default="",
    metavar="REGISTRY",
    envvar="BUILDER_PUBLISHED",
    help="With --since and --format markdown: the registry with the releases, for chart versions.",
)
@click.option("--format", "style", type=click.Choice([*FORMATS, "github"]), default="table")
@click.option("--offline", is_flag=True, help="Ask no registry; every image counts as missing.")
@click.option(
    "--shard-seconds",
    type=click.FloatRange(min=1),
    default=SECONDS,
    help="With --format github: the seconds of work that are worth a job of their own.",
)
def command(
    style: str,
    offline: bool,
    since: Path | None,
    published: str,
    shard_seconds: float,
    **given: Any,
) -> int:
    """Show what would be done, and why. Changes nothing.

    \b
    Example:
      builder plan --select '+jupyter-python' --format json
    """
    app, more = open_app(**given), tuple[str, ...]()
    changed: Mapping[str, str] | None = None
    if since is not None:
        change = Since(app, open_app(**{**given, "root": since}))
        changed, more = change.targets, _more(change, style, published)
        if not changed:
            _tell(style, f"No target is new or changed since {since}.", *more)
            return 0
    select = None if changed is None else tuple(changed)
    planned = app.plan(select, offline=offline, to_run=False, reasons=changed)
    plan = planned.plan
    if style == "github":
        targets, record = app.project.expansion.targets.values(), planned.registry_state.record
        added = time_estimate.added(app.catalog, targets, planned.lock, record)
        text = as_github(plan, time_estimate.seconds(plan, added), shard_seconds)
        click.echo(text, nl=bool(text))  # GitHub reads it: no line where there is nothing to do
    else:
        click.echo(FORMATS[style](plan))
    _tell(style, *more)
    return 0


def _tell(style: str, *lines: str) -> None:
    """Print lines for people: beside the plan where a machine reads it."""
    if lines:
        click.echo("\n".join(lines), err=style not in ("table", "markdown"))


def _more(change: Since, style: str, published: str) -> tuple[str, ...]:
    """Return lines of what differs from another checkout beside its targets."""
    gone = gone_lines(change.gone)
    if style != "markdown":
        return gone
    listed = ("", *(f"- {line}" for line in gone)) if gone else ()
    return (*listed, *charts_as_markdown(change.charts(published)))
