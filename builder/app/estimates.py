"""What is known of a run before it begins: which steps are urgent, what fits on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.app.app import App
from builder.build.disk import Disk, DiskAdmission, forget
from builder.build.events import ImageResult, Result, detail_of
from builder.lock.lockfile import Lock
from builder.plan import disk_estimate, time_estimate
from builder.plan.models import Plan, RegistryState
from builder.plan.step_id import StepId


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """`urgency` is by the id of a step; `disk` is the one that a run fills."""

    urgency: Mapping[str, float]
    admission: DiskAdmission
    disk: Disk


def disk_of(app: App, below: Path | None = None) -> Disk:
    """The disk that a run fills, or that part of it which is below a folder of the state."""
    folder = below or app.workspace.state.root
    folder.mkdir(parents=True, exist_ok=True)
    is_elsewhere = bool(app.engine.keeps_elsewhere) and not below
    free = shutil.disk_usage(folder).free
    return Disk(folder=folder, runner=app.runner, elsewhere=is_elsewhere, began=free)


def look_ahead(
    app: App, lock: Lock, observed: RegistryState, plan: Plan, ended: Mapping[str, Result]
) -> Estimates:
    """Estimate the plan. Raises ConfigError where a target does not fit in the disk budget.

    `ended` is where results appear while the plan is carried out.
    """
    expansion, matrix = app.project.expansion, app.catalog.matrix
    added = time_estimate.added(app.catalog, expansion.targets.values(), lock, observed.record)
    parents = {
        target.id: (target.parent, *(name for _, name in target.inputs))
        for target in expansion.targets.values()
    }
    is_here = "embedded" in matrix.registries
    needs = disk_estimate.needs(plan, added, parents, keeps=lambda size: size if is_here else 0)
    budget, disk = app.options.disk_budget, disk_of(app)
    if budget:
        # What the engine keeps can all be had again.
        held = disk.used() - disk_of(app, app.workspace.state.engine(app.engine.name)).used()
        disk_estimate.check(disk_estimate.peaks(plan, needs, held), budget)

    def drop(target: str) -> None:
        image = detail_of(ended.get(StepId.of("build", target)), ImageResult)
        digest = image.digest if image else ""
        forget(app.engine, plan.targets[target], digest, app.workspace.state)

    admission = DiskAdmission(
        plan=plan, needs=needs, parents=parents, disk=disk, drop=drop, budget=budget
    )
    seconds = time_estimate.seconds(plan, added)
    return Estimates(
        urgency=time_estimate.remaining(plan.steps, seconds), admission=admission, disk=disk
    )
