"""`builder render`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.build.build_context import write_context
from builder.charts.next_version import files_of
from builder.charts.semver import FIRST
from builder.cli.open import open_app
from builder.cli.options import planning
from builder.common.files import write
from builder.common.text import count
from builder.export.tree import BAKE, as_declared, tree
from builder.lock.lockfile import Lock
from builder.lock.package_lists import package_lists
from builder.plan.chart_planner import NOT_LOCKED, unlocked_images
from builder.plan.models import Plan


@click.command()
@planning
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to write to.",
)
@click.option("--offline", is_flag=True, help="Ask no registry; name images as of today.")
def command(out: Path, offline: bool, **options: Any) -> int:
    """Write plain Dockerfiles with their contexts, plain charts, and a bake file.

    The files need no builder: plain docker, helm and bake use them. A chart whose images are not
    locked names release lines in a tag that begins with `not-locked-`, which no registry has.

    \b
    Example:
      builder render --out catalog && cd catalog && docker buildx bake base-debian13
    """
    app = open_app(**options)
    current_lock, bases = app.fitting_lock(), app.project.expansion.bases.values()
    lock = as_declared(current_lock, bases, app.catalog.matrix)
    plan, unlocked = _plan(app, lock, offline=offline)
    _write(out, app, lock, plan)
    for base in plan.bases.values():
        if base.id not in current_lock.bases:
            source = lock.bases[base.id].source
            click.echo(f"{base.id} is not locked: rendered as {source}", err=True)
    written = f"{count(len(plan.targets), 'image')}, {count(len(plan.charts), 'chart')} and {BAKE}"
    click.echo(f"{written} in {out}", err=True)
    if unlocked:
        click.echo(
            f"{count(len(plan.charts), 'chart')}, of which {len(unlocked)} name images that are not"
            f" locked, as {NOT_LOCKED}…: {', '.join(unlocked)}",
            err=True,
        )
    return 0


def _plan(app: App, lock: Lock, *, offline: bool) -> tuple[Plan, tuple[str, ...]]:
    """Return what is rendered, and the names of the charts whose images are not locked."""
    # Ancestors too: what is written must build by itself.
    planned = app.plan(lock=lock, offline=offline, to_run=False, as_declared=True)
    return _with_unlocked(_alive(planned.plan), app)


def _alive(plan: Plan) -> Plan:
    """Return a plan without the targets that have ended."""
    targets = {key: item for key, item in plan.targets.items() if item.action != "retire"}
    used = {item.target.parent for item in targets.values()}
    bases = {key: base for key, base in plan.bases.items() if key in used}
    return replace(plan, targets=targets, bases=bases)


def _with_unlocked(plan: Plan, app: App) -> tuple[Plan, tuple[str, ...]]:
    """Return a plan whose charts all name images, and which of these are not locked."""
    expansion, matrix = app.project.expansion, app.catalog.matrix
    charts, unlocked = {}, []
    for name, chart in plan.charts.items():
        if chart.action == "retire":
            continue
        if chart.action == "block" and name in matrix.upstream_charts:
            click.echo(f"chart {name} is not rendered: {chart.reason}", err=True)
            continue
        if chart.action == "block":
            unlocked.append(name)
            images = unlocked_images(name, expansion, matrix, app.options.today)
            version = chart.version or FIRST
            files = files_of(app.catalog, name, images, version)
            charts[name] = replace(chart, images=images, version=version, files=files)
        else:
            charts[name] = chart
    return replace(plan, charts=charts), tuple(unlocked)


def _write(out: Path, app: App, lock: Lock, plan: Plan) -> None:
    # Contexts first: each makes its folder hold nothing else.
    for item in plan.targets.values():
        recipe = app.catalog.recipes[item.target.recipe]
        dockerfile = item.dockerfile.text
        lists = package_lists(lock.package_sets.get(item.target.made_id), app.catalog.ecosystems)
        write_context(out / "images" / item.target.slug, dockerfile, recipe.files, lists)
    for path, data in _files(app, lock, plan).items():
        write(out / path, data, 0o755 if path.endswith(".sh") else 0o644)


def _files(app: App, lock: Lock, plan: Plan) -> Mapping[str, bytes]:
    """Return all but the contexts, by path."""
    expansion, targets = app.project.expansion, plan.targets.items()
    epochs = {key: lock.epoch(key, expansion.base_of(item.target).id) for key, item in targets}
    return tree(lock=lock, plan=plan, epochs=epochs, ecosystems=app.catalog.ecosystems)
