"""The part of a plan that is about charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.catalog import tags
from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog, Matrix
from builder.charts.next_version import predict
from builder.charts.semver import chart_fingerprint
from builder.lock.lockfile import Lock
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.models import ChartPlan, RegistryState, Step, TargetPlan, not_locked
from builder.plan.step_id import StepId
from builder.registry.release_record import CHARTS, Record

_ENDED = "it ended on"
NOT_LOCKED = "not-locked-"
"""What the tag of an image begins with that nobody can know yet: no release has such a tag."""


@dataclass(frozen=True, kw_only=True)
class ChartPlanner:
    """Decides which charts are packaged, of which images, and as which version."""

    catalog: Catalog
    expansion: Expansion
    lock: Lock
    observed: RegistryState
    today: str
    release: str

    def plan(self, targets: Mapping[str, TargetPlan], selected: set[str]) -> dict[str, ChartPlan]:
        """Every chart that has a selected image, by name; one without any to offer is blocked."""
        planned: dict[str, ChartPlan] = {}
        for name, variants in self.expansion.charts.items():
            known = [
                found for variant in variants if (found := self.expansion.members.get(variant.id))
            ]
            members = [
                found
                for found in known
                if not any(self._barrier(item, targets) for item in found.values())
            ]
            if any(not selected.isdisjoint(item.values()) for item in members):
                planned[name] = self._chart(name, members, targets)
            elif not members and any(not selected.isdisjoint(item.values()) for item in known):
                planned[name] = self._barred(name, known, targets)
        return planned

    def _barrier(self, item: str, targets: Mapping[str, TargetPlan]) -> str:
        """Why a chart may not name a target: it has ended, or cannot be built and never was."""
        target = self.expansion.targets[item]
        if target.has_ended(self.today):
            return f"{_ENDED} {target.eol}"
        if item in targets:
            return targets[item].reason if targets[item].action == "block" else ""
        if item in self.observed.digests:
            return ""
        return not_locked(target, self.catalog, self.expansion, self.lock)

    def _barred(
        self, name: str, variants: Sequence[Mapping[str, str]], targets: Mapping[str, TargetPlan]
    ) -> ChartPlan:
        """Return the plan of a chart without an image to release: the last release's stays."""
        reasons = [
            reason
            for members in variants
            for item in members.values()
            if (reason := self._barrier(item, targets))
        ]
        waiting = [reason for reason in reasons if not reason.startswith(_ENDED)]
        before = self.observed.record.charts.get(name) if self.observed.record else None
        reason = f"no image of it can be released: {(waiting or reasons)[0]}"
        return ChartPlan(
            name=name,
            repository=self._repository(name),
            version=before.version if before else "",
            images=(),
            variants=(),
            action="block" if waiting else "retire",
            reason=reason,
            before=before,
        )

    def _image(self, members: Mapping[str, str], targets: Mapping[str, TargetPlan]) -> str:
        """The tag of a variant that a chart names; `members` are its targets, by platform."""
        record = self.observed.record
        variant = self.expansion.targets[next(iter(members.values()))].variant
        exact = tags.tag(variant, self.catalog.matrix, self.lock.versions)
        since = None
        is_built = any(
            item in targets and targets[item].action == "build" for item in members.values()
        )
        if record and not is_built:
            held = {key: self._held(key, record) for key in members.values()}
            since = record.since(variant.id, exact, members, held)
        return f"{self.catalog.matrix.repository_of(variant.image)}:{exact}-{since or self.release}"

    def _repository(self, name: str) -> Reference:
        return parse_reference(self.catalog.matrix.repository_of(f"{CHARTS}/{name}"))

    def _held(self, target: str, record: Record) -> str:
        """The digest that the registry has of a target, else the one that is offered."""
        old = record.targets.get(target)
        return self.observed.digests.get(target, old.digest if old else "")

    def _chart(
        self, name: str, variants: Sequence[Mapping[str, str]], targets: Mapping[str, TargetPlan]
    ) -> ChartPlan:
        """`variants` are its variants' targets, by platform."""
        record = self.observed.record
        images = [self._image(members, targets) for members in variants]
        ids = [item for members in variants for item in members.values()]
        missing = [
            item for item in ids if item not in targets and item not in self.observed.digests
        ]
        before = record.charts.get(name) if record else None
        change, files = predict(self.catalog, name, images, before)
        action, reason = change.action, change.reason
        if missing:
            action, reason = "skip", f"{missing[0]} is neither selected nor in the registry"
        return ChartPlan(
            name=name,
            repository=self._repository(name),
            version=change.version,
            images=tuple(images),
            variants=tuple(ids),
            action=action,
            reason=reason,
            before=before,
            files=files,
            fingerprint=chart_fingerprint(files),
        )


def unlocked_images(name: str, expansion: Expansion, matrix: Matrix, today: str) -> tuple[str, ...]:
    """Return what a chart names where the lock does not know its images: the release lines."""
    known = [
        variant
        for variant in expansion.charts[name]
        for item in expansion.members.get(variant.id, {}).values()
        if not expansion.targets[item].has_ended(today)
    ]
    return tuple(
        dict.fromkeys(
            f"{matrix.repository_of(variant.image)}:{NOT_LOCKED}{tags.line_tag(variant, matrix)}"
            for variant in known
        )
    )


def chart_step(chart: ChartPlan, targets: Mapping[str, TargetPlan]) -> Step:
    """The step that makes a chart, once its images are there."""
    needs = [StepId.of("build", item) for item in chart.variants if item in targets]
    reason = chart.reason
    building = sum(item in targets and targets[item].action == "build" for item in chart.variants)
    if building and chart.action == "package":
        reason += f"; {building} of its {len(chart.variants)} images will be built"
    return Step(
        id=StepId.of("chart", chart.name),
        kind="chart",
        target=chart.name,
        needs=tuple(needs),
        action=chart.action,
        reason=reason,
    )
