"""`builder plan`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.ci.shards import SECONDS, jobs
from builder.ci.systems import CI_SYSTEMS
from builder.cli.named import Named
from builder.cli.options import planning, since
from builder.lock.lockfile import Lock
from builder.plan import time_estimate
from builder.plan.models import Plan, RegistryState
from builder.report.plan import FORMATS, charts_as_markdown, gone_lines


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
@click.option(
    "--format",
    "style",
    default="table",
    type=Named(CI_SYSTEMS, words=tuple(FORMATS), noun="format"),
    help="The form of the plan; the name of a CI system stands for the jobs of that system.",
)
@click.option("--offline", is_flag=True, help="Ask no registry; every image counts as missing.")
@click.option(
    "--shard-seconds",
    type=click.FloatRange(min=1),
    default=SECONDS,
    help="With the format of a CI system: the seconds of work that are worth a job of their own.",
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
    options = Options(**given)
    more: tuple[str, ...] = ()
    if since is not None:
        changed, more = _change(options, since, style, published)
        if not changed:
            _tell(style, f"No target is new or changed since {since}.", *more)
            return 0
        options = replace(options, select=tuple(changed))
    app = App(options)
    lock = app.fitting_lock()
    prints = app.fingerprints(lock)
    observed = app.seen(lock, prints, offline=offline)
    if since is not None:
        observed = _with_others(observed, set(prints) - set(changed))
    plan = app.plan(lock, prints, observed)
    if since is not None:
        plan = _explained(plan, changed)
    if style in FORMATS:
        click.echo(FORMATS[style](plan))
    else:
        text = _jobs(app, plan, lock, observed, style, shard_seconds)
        click.echo(text, nl=bool(text))  # a machine reads it: no line where there is nothing to do
    _tell(style, *more)
    return 0


def _jobs(
    app: App, plan: Plan, lock: Lock, observed: RegistryState, name: str, worth: float
) -> str:
    """Return a plan as the CI system `name` reads its jobs."""
    system = CI_SYSTEMS.get(name, catalog=app.workspace.root)
    targets = app.project.expansion.targets.values()
    added = time_estimate.added(app.catalog, targets, lock, observed.record)
    seconds = time_estimate.seconds(plan, added)
    return system.jobs(jobs(plan, seconds, most=system.most_jobs, worth=worth))


def _tell(style: str, *lines: str) -> None:
    """Print lines for people: beside the plan where a machine reads it."""
    if lines:
        click.echo("\n".join(lines), err=style not in ("table", "markdown"))


def _change(
    options: Options, since: Path, style: str, published: str
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return why each target differs from another checkout's, and lines of what else does."""
    from builder.cli.since import Since

    change = Since(options, since)
    gone = gone_lines(change.gone)
    if style != "markdown":
        return change.targets, gone
    listed = ("", *(f"- {line}" for line in gone)) if gone else ()
    return change.targets, (*listed, *charts_as_markdown(change.charts(published)))


def _with_others(observed: RegistryState, targets: set[str]) -> RegistryState:
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
