"""`builder plan`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from builder import schedule
from builder.cli.options import Options, planning, since
from builder.cli.wiring import Session
from builder.plan import Observed, Plan
from builder.report.plans import FORMATS, as_github, charts_as_markdown
from builder.shards import SECONDS


@click.command()
@planning
@since
@click.option(
    "--published",
    default="",
    metavar="REGISTRY",
    envvar="BUILDER_PUBLISHED",
    help="With --since and --format markdown: where releases are, for the versions of charts.",
)
@click.option("--format", "style", type=click.Choice([*FORMATS, "github"]), default="table")
@click.option("--offline", is_flag=True, help="Ask no registry: everything counts as missing.")
@click.option(
    "--shard-seconds",
    type=click.FloatRange(min=1),
    default=SECONDS,
    help="With --format github: the work that is worth a job of its own.",
)
def command(
    style: str,
    offline: bool,
    since: Path | None,
    published: str,
    shard_seconds: float,
    **given: Any,
) -> int:
    """Say what would be done, and why. Changes nothing.

    \b
    Example:
      builder plan --select '+jupyter-python' --format json
    """
    options = Options(**given)
    more: tuple[str, ...] = ()
    if since is not None:
        found, more = _change(options, since, style, published)
        if not found:
            click.echo("\n".join([f"No target differs from {since}.", *more]))
            return 0
        options = replace(options, select=tuple(found))
    session = Session(options)
    lock = session.locked()
    prints = session.fingerprints(lock)
    observed = session.seen(lock, prints, offline=offline)
    if since is not None:
        observed = _with_others(observed, set(prints) - set(found))
    plan = session.plan(lock, prints, observed)
    if since is not None:
        plan = _explained(plan, found)
    if style == "github":
        targets = session.project.expansion.targets.values()
        added = schedule.added(session.catalog, targets, lock, observed.record)
        text = as_github(plan, schedule.seconds(plan, added), shard_seconds)
        click.echo(text, nl=bool(text))  # GitHub reads it: no line where there is nothing to do
    else:
        click.echo("\n".join([FORMATS[style](plan), *more]))
    return 0


def _change(
    options: Options, since: Path, style: str, published: str
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Why each target differs from that of another checkout, and lines about charts."""
    from builder.cli.since import Since

    change = Since(options, since)
    is_told = style == "markdown"
    return change.targets, charts_as_markdown(change.charts(published)) if is_told else ()


def _with_others(observed: Observed, targets: set[str]) -> Observed:
    """As if the registry had what the change is not about: the plan is of the change alone."""
    return replace(observed, digests={**dict.fromkeys(targets, ""), **observed.digests})


def _explained(plan: Plan, reasons: Mapping[str, str]) -> Plan:
    steps = {
        key: replace(step, reason=reasons[step.target])
        if step.kind == "build" and step.action == "build"
        else step
        for key, step in plan.steps.items()
    }
    return replace(plan, steps=steps)
