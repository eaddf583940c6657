"""What is known of a run before it begins: which steps are urgent, what fits on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from builder.app.adapters import Adapters
from builder.app.planning import Planned
from builder.build.disk import DiskAdmission, Measure, forget
from builder.build.events import ImageResult, Result, detail_of
from builder.common.text import count, gigabytes
from builder.plan import disk_estimate, time_estimate
from builder.plan.disk_estimate import Needs
from builder.plan.models import Plan
from builder.plan.step_id import StepId


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """`urgency` is by the id of a step; `disk` is the one that a run fills."""

    urgency: Mapping[str, float]
    admission: DiskAdmission
    disk: Measure


def expectation(
    plan: Plan, needs: Needs, seconds: Mapping[str, float], *, jobs: int, budget: int
) -> str:
    """Return what a run will build, and about how much time and disk it takes; "" for nothing."""
    built = [step for step in plan.steps.values() if step.kind == "build" and seconds[step.id]]
    adopted = sum(step.action == "adopt" for step in plan.steps.values() if step.kind == "build")
    copies = f"{count(adopted, 'target')} to adopt" if adopted else ""
    if not built:
        return copies
    hours = sum(seconds.values()) / jobs / 3600
    taken = [needs[step.target] for step in built]
    disk = gigabytes(sum(need.kept + round(disk_estimate.UNPACKED * need.added) for need in taken))
    limit = f", within the budget of {gigabytes(budget)}" if budget else ""
    text = f"{count(len(built), 'target')} to build: about {hours:.1f} h and {disk}{limit}"
    return "; ".join(filter(None, (text, copies)))


def look_ahead(adapters: Adapters, planned: Planned, ended: Mapping[str, Result]) -> Estimates:
    """Estimate a plan. Raises ConfigError where a target does not fit in the disk budget.

    `ended` is where results appear while the plan is carried out.
    """
    project, plan, state = planned.project, planned.plan, adapters.setup.state
    expansion, matrix = project.expansion, project.catalog.matrix
    targets, record = expansion.targets.values(), planned.registry_state.record
    added = time_estimate.added(project.catalog, targets, planned.lock, record)
    parents = {
        target.id: (target.parent, *(name for _, name in target.inputs)) for target in targets
    }
    is_here = "embedded" in matrix.registries
    needs = disk_estimate.needs(plan, added, parents, keeps=lambda size: size if is_here else 0)
    budget, disk = adapters.setup.options.disk_budget, adapters.disk
    if budget:
        # What the engine keeps can all be had again.
        used_by_engine = disk.used() - adapters.disk_of(state.engine(adapters.engine.name)).used()
        disk_estimate.check(disk_estimate.peaks(plan, needs, used_by_engine), budget)

    def drop(target: str) -> None:
        image = detail_of(ended.get(StepId.of("build", target)), ImageResult)
        digest = image.digest if image else ""
        forget(adapters.engine, plan.targets[target], digest, state)

    admission = DiskAdmission(
        plan=plan, needs=needs, parents=parents, disk=disk, drop=drop, budget=budget
    )
    seconds = time_estimate.seconds(plan, added)
    if text := expectation(plan, needs, seconds, jobs=adapters.setup.options.jobs, budget=budget):
        adapters.setup.notify(text)
    return Estimates(
        urgency=time_estimate.remaining(plan.steps, seconds), admission=admission, disk=disk
    )
