"""`builder render`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from builder.app.app import Session
from builder.app.options import Options
from builder.build.build_context import write_context
from builder.charts.semver import FIRST
from builder.cli.options import planning
from builder.common.files import write
from builder.common.text import count
from builder.export.tree import BAKE, as_declared, tree
from builder.lock.lockfile import Lock
from builder.lock.package_lists import package_lists
from builder.plan.chart_planner import NOT_LOCKED, unlocked_images
from builder.plan.fingerprint import downloads
from builder.plan.models import Observed, Plan


@click.command()
@planning
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to write to.",
)
@click.option("--offline", is_flag=True, help="Ask no registry; images are named as of today.")
def command(out: Path, offline: bool, **given: Any) -> int:
    """Write plain Dockerfiles with their contexts, plain charts, and a bake file.

    What is written builds by hand, without the builder. A chart whose images are not locked names
    the release lines, with a tag that begins with `not-locked-` and that no registry has.

    \b
    Example:
      builder render --out catalog && cd catalog && docker buildx bake base-debian13
    """
    session = Session(Options(**given))
    expansion, known = session.project.expansion, session.fitting_lock()
    lock = as_declared(known, expansion.bases.values(), session.catalog.matrix)
    prints = session.fingerprints(lock)
    observed = session.seen(lock, prints, offline=offline)
    # Ancestors too: what is written must build by itself.
    seen = Observed(asked=False, record=observed.record)
    plan = _alive(session.plan(lock, prints, seen, as_declared=True))
    plan, unlocked = _with_unlocked(plan, session)
    epochs = {
        item.target.id: lock.epoch(item.target.id, expansion.base_of(item.target).id)
        for item in plan.targets.values()
    }
    found = {
        key: downloads(item.target, session.catalog, expansion, lock)
        for key, item in plan.targets.items()
    }
    files = tree(
        catalog=session.catalog,
        lock=lock,
        plan=plan,
        epochs=epochs,
        downloads={key: files for key, files in found.items() if files},
    )
    _write(out, session, lock, plan, files)
    for base in plan.bases.values():
        if base.id not in known.bases:
            source = lock.bases[base.id].source
            click.echo(f"{base.id} is not locked: rendered as {source}", err=True)
    made = f"{count(len(plan.targets), 'image')}, {count(len(plan.charts), 'chart')} and {BAKE}"
    click.echo(f"{made} in {out}", err=True)
    if unlocked:
        click.echo(
            f"{count(len(plan.charts), 'chart')}, of which {len(unlocked)} name images that are not"
            f" locked, as {NOT_LOCKED}…: {', '.join(unlocked)}",
            err=True,
        )
    return 0


def _alive(plan: Plan) -> Plan:
    """A plan without what has ended."""
    targets = {key: item for key, item in plan.targets.items() if item.action != "retire"}
    used = {item.target.parent for item in targets.values()}
    bases = {key: base for key, base in plan.bases.items() if key in used}
    return replace(plan, targets=targets, bases=bases)


def _with_unlocked(plan: Plan, session: Session) -> tuple[Plan, tuple[str, ...]]:
    """A plan whose charts all name images, and the names of those whose images are not locked."""
    expansion, matrix = session.project.expansion, session.catalog.matrix
    charts, unlocked = {}, []
    for name, chart in plan.charts.items():
        if chart.action == "retire":
            continue
        if chart.action == "block":
            unlocked.append(name)
            images = unlocked_images(name, expansion, matrix, session.options.today)
            charts[name] = replace(chart, images=images, version=chart.version or FIRST)
        else:
            charts[name] = chart
    return replace(plan, charts=charts), tuple(unlocked)


def _write(out: Path, session: Session, lock: Lock, plan: Plan, files: Mapping[str, bytes]) -> None:
    # Contexts first: each makes its folder hold nothing else.
    for item in plan.targets.values():
        recipe = session.catalog.recipes[item.target.recipe]
        dockerfile = str(item.fingerprint.document["dockerfile"])
        lists = package_lists(lock.layers.get(item.target.id))
        write_context(out / "images" / item.target.slug, dockerfile, recipe.files, lists)
    for path, data in files.items():
        write(out / path, data, 0o755 if path.endswith(".sh") else 0o644)
