"""The part of a plan that is about charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from builder import tags
from builder.charting import predict
from builder.lock import Lock
from builder.matrix import Expansion, target_id
from builder.model import Catalog
from builder.plan import ChartPlan, Observed, Step, TargetPlan, unlocked_line


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
        platform = self.catalog.matrix.platforms[0]
        for name, cells in self.expansion.charts.items():
            ids = [
                item
                for cell in cells
                for item in [target_id(cell, platform, self.catalog.matrix)]
                if item in self.expansion.targets and self._is_offered(item, targets)
            ]
            if not selected.isdisjoint(ids):
                planned[name] = self._chart(name, ids, targets)
        return planned

    def _is_offered(self, item: str, targets: Mapping[str, TargetPlan]) -> bool:
        """Whether a chart may name a target: it has not ended, and can be built or was."""
        target = self.expansion.targets[item]
        if target.eol and target.eol < self.today:
            return False
        if item in targets:
            return targets[item].action != "block"
        is_known = not unlocked_line(target.cell.values, self.catalog.matrix, self.lock)
        return is_known or item in self.observed.digests

    def _chart(self, name: str, ids: list[str], targets: Mapping[str, TargetPlan]) -> ChartPlan:
        record = self.observed.record
        images = []
        for item in ids:
            target = self.expansion.targets[item]
            exact = tags.tag(target.cell, self.catalog.matrix, self.lock.versions)
            old = record.targets.get(item) if record else None
            since = self.release
            is_built = item in targets and targets[item].action == "build"
            if old and not is_built and old.exact == exact:
                held = self.observed.digests.get(item, old.digest)
                since = old.since if held == old.digest else since
            repository = self.catalog.matrix.repository_of(target.cell.image)
            images.append(f"{repository}:{exact}-{since}")
        missing = [
            item for item in ids if item not in targets and item not in self.observed.digests
        ]
        building = [item for item in ids if item in targets and targets[item].action == "build"]
        change = predict(self.catalog, name, images, record.charts.get(name) if record else None)
        action, reason = change.action, change.reason
        if missing:
            action, reason = "skip", f"{missing[0]} is neither selected nor in the registry"
        elif building and action == "package":
            reason += f"; {len(building)} of its {len(ids)} images are built"
        return ChartPlan(
            name=name,
            version=change.version,
            images=tuple(images),
            cells=tuple(ids),
            action=action,
            reason=reason,
        )


def chart_step(chart: ChartPlan, targets: Mapping[str, TargetPlan]) -> Step:
    """The step that makes a chart, once its images are there."""
    needs = [f"build:{item}" for item in chart.cells if item in targets]
    return Step(
        id=f"chart:{chart.name}",
        kind="chart",
        target=chart.name,
        needs=tuple(needs),
        action=chart.action,
        reason=chart.reason,
    )
