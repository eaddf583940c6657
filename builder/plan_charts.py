"""The part of a plan that is about charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder import tags
from builder.charting import predict
from builder.lock import Lock
from builder.matrix import Expansion
from builder.model import Catalog
from builder.plan import ChartPlan, Observed, Step, TargetPlan, not_locked
from builder.release import Record


@dataclass(frozen=True, kw_only=True)
class ChartPlanner:
    """Decides which charts are packaged, of which images, and as which version."""

    catalog: Catalog
    expansion: Expansion
    lock: Lock
    observed: Observed
    today: str
    release: str

    def plan(self, targets: Mapping[str, TargetPlan], selected: set[str]) -> dict[str, ChartPlan]:
        """Every chart that has a selected image, by name."""
        planned: dict[str, ChartPlan] = {}
        for name, cells in self.expansion.charts.items():
            members = [
                found
                for cell in cells
                if (found := self.expansion.members.get(cell.id))
                and all(self._is_offered(item, targets) for item in found.values())
            ]
            if any(not selected.isdisjoint(item.values()) for item in members):
                planned[name] = self._chart(name, members, targets)
        return planned

    def _is_offered(self, item: str, targets: Mapping[str, TargetPlan]) -> bool:
        """Whether a chart may name a target: it has not ended, and can be built or was."""
        target = self.expansion.targets[item]
        if target.eol and target.eol < self.today:
            return False
        if item in targets:
            return targets[item].action != "block"
        is_known = not not_locked(target, self.catalog, self.expansion, self.lock)
        return is_known or item in self.observed.digests

    def _image(self, members: Mapping[str, str], targets: Mapping[str, TargetPlan]) -> str:
        """The tag of a cell that a chart names; `members` are its targets, by platform."""
        record = self.observed.record
        cell = self.expansion.targets[next(iter(members.values()))].cell
        exact = tags.tag(cell, self.catalog.matrix, self.lock.versions)
        since = None
        is_built = any(
            item in targets and targets[item].action == "build" for item in members.values()
        )
        if record and not is_built:
            held = {key: self._held(key, record) for key in members.values()}
            since = record.since(cell.id, exact, members, held)
        return f"{self.catalog.matrix.repository_of(cell.image)}:{exact}-{since or self.release}"

    def _held(self, target: str, record: Record) -> str:
        """The digest that the registry has of a target, else the one that is offered."""
        old = record.targets.get(target)
        return self.observed.digests.get(target, old.digest if old else "")

    def _chart(
        self, name: str, cells: Sequence[Mapping[str, str]], targets: Mapping[str, TargetPlan]
    ) -> ChartPlan:
        """`cells` are its cells' targets, by platform."""
        record = self.observed.record
        images = [self._image(members, targets) for members in cells]
        ids = [item for members in cells for item in members.values()]
        missing = [
            item for item in ids if item not in targets and item not in self.observed.digests
        ]
        before = record.charts.get(name) if record else None
        change = predict(self.catalog, name, images, before)
        action, reason = change.action, change.reason
        if missing:
            action, reason = "skip", f"{missing[0]} is neither selected nor in the registry"
        return ChartPlan(
            name=name,
            version=change.version,
            images=tuple(images),
            cells=tuple(ids),
            action=action,
            reason=reason,
            before=before,
        )


def chart_step(chart: ChartPlan, targets: Mapping[str, TargetPlan]) -> Step:
    """The step that makes a chart, once its images are there."""
    needs = [f"build:{item}" for item in chart.cells if item in targets]
    reason = chart.reason
    building = sum(item in targets and targets[item].action == "build" for item in chart.cells)
    if building and chart.action == "package":
        reason += f"; {building} of its {len(chart.cells)} images will be built"
    return Step(
        id=f"chart:{chart.name}",
        kind="chart",
        target=chart.name,
        needs=tuple(needs),
        action=chart.action,
        reason=reason,
    )
