"""`builder plan`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.app.kept_plans import KeptPlan, KeptPlans, key_of
from builder.ci.systems import CI_SYSTEMS, SECONDS
from builder.cli.named import Named
from builder.cli.options import build_anyway, planning, since
from builder.common.state_dir import StateDir

if TYPE_CHECKING:  # a plan that is kept is shown without them
    from builder.app.app import App
    from builder.app.planning import Planned
    from builder.app.since import Since

FORMATS = ("table", "json", "mermaid", "markdown")
"""The names of `report.plan.FORMATS`, which take time to import."""


@click.command()
@planning
@since
@build_anyway
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
    type=Named(CI_SYSTEMS, words=FORMATS, noun="format"),
    help="The form of the plan; the name of a CI system stands for the jobs of that system.",
)
@click.option(
    "--cost",
    is_flag=True,
    help="Also say what changes of many images cost: on top of them, and in a recipe below.",
)
@click.option("--offline", is_flag=True, help="Ask no registry; every image counts as missing.")
@click.option(
    "--cache/--no-cache",
    default=True,
    envvar="BUILDER_PLAN_CACHE",
    help="With --offline: show a plan that was made before, from the same files of catalog and "
    "builder.",
)
@click.option(
    "--shard-seconds",
    type=click.FloatRange(min=1),
    default=SECONDS,
    help="With the format of a CI system: the seconds of work that are worth a job of their own.",
)
def command(
    style: str,
    offline: bool,
    cache: bool,
    cost: bool,
    since: Path | None,
    published: str,
    shard_seconds: float,
    **options: Any,
) -> int:
    """Show what would be done, and why. Changes nothing, but keeps plans below build/.

    \b
    Example:
      builder plan --select '+jupyter-python' --format json
    """
    is_kept = cache and offline and style in FORMATS and not (cost or since or published)
    key = _key(style, options) if is_kept else None
    plans = KeptPlans(StateDir.of(options["root"].resolve()))
    if key and _is_shown(plans.get(key)):
        return 0
    app, more = _opened(options), tuple[str, ...]()
    changed: Mapping[str, str] | None = None
    if since is not None:
        change = _since(app, since, options)
        changed, more = change.targets, _more(change, style, published)
        if not changed:
            _tell(style, f"No target is new or changed since {since}.", *more)
            return 0
    select = None if changed is None else tuple(changed)
    planned = app.plan(select, offline=offline, to_run=False, reasons=changed)
    text = _text(app, planned, style, shard_seconds)
    click.echo(text, nl=bool(text))  # a machine reads it: no line where there is nothing to do
    folders = [item.name for item in app.workspace.files.below if not item.is_kept]
    unpinned = tuple(f"catalog {name} is unpinned: a folder" for name in folders)
    _tell(style, *more, *unpinned, *(_costs(planned) if cost else ()))
    # A file may have changed meanwhile; and what lies below a catalog is in other folders.
    if key and not app.workspace.files.below and key == _key(style, options):
        plans.put(key, KeptPlan(text=text, notes=app.project.notes))
    return 0


def _key(style: str, options: Mapping[str, Any]) -> str | None:
    """Return the hash of all that an offline plan is made from; None where it is not kept."""
    if click.get_current_context().find_root().obj or options["catalogs"]:
        return None
    return key_of(options["root"], {**options, "style": style})


def _is_shown(kept: KeptPlan | None) -> bool:
    """Print a plan that is kept; whether there is one."""
    if kept is None:
        return False
    for note in kept.notes:
        click.echo(note, err=True)
    click.echo(kept.text)
    return True


def _opened(options: Mapping[str, Any]) -> App:
    from builder.cli.open import open_app

    return open_app(**options)


def _since(app: App, since: Path, options: Mapping[str, Any]) -> Since:
    from builder.app.since import Since

    return Since(app, _opened({**options, "root": since, "catalogs": {}}))


def _text(app: App, planned: Planned, style: str, worth: float) -> str:
    """Return a plan in a format, or as a CI system reads its jobs."""
    from builder.report.plan import FORMATS as forms

    return forms[style](planned.plan) if style in forms else _jobs(app, planned, style, worth)


def _costs(planned: Planned) -> tuple[str, ...]:
    """Return lines of what the placements of changes cost; "" parts them from the plan."""
    from builder.plan.placement_cost import placements
    from builder.report.placement_cost import cost_lines

    project, record = planned.project, planned.registry_state.record
    return ("", *cost_lines(placements(project.catalog, project.expansion, planned.lock, record)))


def _jobs(app: App, planned: Planned, name: str, worth: float) -> str:
    """Return a plan as the CI system `name` reads its jobs."""
    from builder.ci.shards import jobs
    from builder.plan import time_estimate
    from builder.plan.resources import RELEASES, of_steps

    project, record = planned.project, planned.registry_state.record
    records = tuple(islice(app.adapters.history.back(record), RELEASES)) if record else ()
    system = CI_SYSTEMS.get(name, catalog=project.root)
    targets = project.expansion.targets.values()
    added = time_estimate.added(project.catalog, targets, planned.lock, record)
    seconds = time_estimate.seconds(planned.plan, added)
    levels = jobs(planned.plan, seconds, most=system.most_jobs, worth=worth)
    asked = of_steps(tuple(planned.plan.steps), project.catalog, project.expansion, added, records)
    return system.jobs(levels, resources=asked)


def _tell(style: str, *lines: str) -> None:
    """Print lines for people: beside the plan where a machine reads it."""
    if lines:
        click.echo("\n".join(lines), err=style not in ("table", "markdown"))


def _more(change: Since, style: str, published: str) -> tuple[str, ...]:
    """Return lines of what differs from another checkout beside its targets."""
    from builder.report.plan import charts_as_markdown, gone_lines

    gone = gone_lines(change.gone)
    if style != "markdown":
        return gone
    listed = ("", *(f"- {line}" for line in gone)) if gone else ()
    return (*listed, *charts_as_markdown(change.charts(published)))
