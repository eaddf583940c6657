"""Plans the charts: which are packaged, with which images and versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.catalog import tags
from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog, Matrix
from builder.charts.next_version import predict, predict_upstream
from builder.charts.semver import chart_fingerprint
from builder.charts.upstream.chart import unlocked_reason
from builder.lock.lockfile import Lock
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.models import ChartPlan, RegistryState, Step, TargetPlan, not_locked, steps_for
from builder.plan.step_id import StepId
from builder.registry.release_record import CHARTS, Record

_ENDED = "it ended on"
NOT_LOCKED = "not-locked-"
"""The prefix of the tag of an image whose version is not locked. No release has such a tag."""


@dataclass(frozen=True, kw_only=True)
class ChartPlanner:
    """Decides which charts are packaged, with which images and versions."""

    catalog: Catalog
    expansion: Expansion
    lock: Lock
    registry_state: RegistryState
    today: str
    release: str
    upstream: Sequence[str] = ()  # the selected charts that are made of an upstream's

    def plan(self, targets: Mapping[str, TargetPlan], selected: set[str]) -> dict[str, ChartPlan]:
        """Return the plans of the charts that have a selected image, by name.

        A chart none of whose images can be released is blocked.
        """
        planned: dict[str, ChartPlan] = {}
        for name, variants in self.expansion.charts.items():
            expanded = [
                members
                for variant in variants
                if (members := self.expansion.members.get(variant.id))
            ]
            available = [
                members
                for members in expanded
                if not any(self._barrier(target, targets) for target in members.values())
            ]
            available.sort(key=lambda members: (self._is_preview(members), self._is_past(members)))
            if available and self._is_preview(available[0]):
                available = []  # the first is the default, which a preview never is
            is_selected = any(not selected.isdisjoint(members.values()) for members in available)
            if is_selected:
                planned[name] = self._chart(name, available, targets)
            elif not available and any(
                not selected.isdisjoint(members.values()) for members in expanded
            ):
                planned[name] = self._barred(name, expanded, targets)
        return planned | {name: self._of_upstream(name) for name in self.upstream}

    def _of_upstream(self, name: str) -> ChartPlan:
        """Return the plan of a chart that is made of an upstream's."""
        record = self.registry_state.record
        released = record.charts.get(name) if record else None
        locked = self.lock.charts.get(name)
        if locked is None:
            return ChartPlan(
                name=name,
                repository=self._repository(name),
                version=released.version if released else "",
                images=(),
                variants=(),
                action="block",
                reason=unlocked_reason(self.catalog.matrix.upstream_charts[name]),
                before=released,
            )
        change, files, images = predict_upstream(self.catalog, name, locked, released)
        return ChartPlan(
            name=name,
            repository=self._repository(name),
            version=change.version,
            images=images,
            variants=(),
            action=change.action,
            reason=change.reason,
            before=released,
            files=files,
            fingerprint=chart_fingerprint(files),
        )

    def _is_preview(self, members: Mapping[str, str]) -> bool:
        variant = self.expansion.targets[next(iter(members.values()))].variant
        return self.catalog.matrix.is_preview(variant.values)

    def _is_past(self, members: Mapping[str, str]) -> bool:
        """Whether an end of life of a variant is over; `members` are its targets by platform."""
        targets = self.expansion.targets
        return any(targets[target_id].is_past(self.today) for target_id in members.values())

    def _barrier(self, target_id: str, targets: Mapping[str, TargetPlan]) -> str:
        """Return why a chart may not name a target, or ""."""
        target = self.expansion.targets[target_id]
        if target.has_ended(self.today):
            return f"{_ENDED} {target.last_day}"
        if target_id in targets:
            return targets[target_id].reason if targets[target_id].action == "block" else ""
        if target_id in self.registry_state.digests:
            return ""
        return not_locked(target, self.catalog, self.expansion, self.lock)

    def _barred(
        self, name: str, variants: Sequence[Mapping[str, str]], targets: Mapping[str, TargetPlan]
    ) -> ChartPlan:
        """Return the plan of a chart none of whose images can be released."""
        reasons = [
            reason
            for members in variants
            for target_id in members.values()
            if (reason := self._barrier(target_id, targets))
        ]
        waiting = [reason for reason in reasons if not reason.startswith(_ENDED)]
        released = (
            self.registry_state.record.charts.get(name) if self.registry_state.record else None
        )
        reason = f"no image of it can be released: {(waiting or reasons)[0]}"
        return ChartPlan(
            name=name,
            repository=self._repository(name),
            version=released.version if released else "",
            images=(),
            variants=(),
            action="block" if waiting else "retire",
            reason=reason,
            before=released,
        )

    def _image(self, members: Mapping[str, str], targets: Mapping[str, TargetPlan]) -> str:
        """Return the image of a variant for a chart; `members` are its targets by platform."""
        record = self.registry_state.record
        variant = self.expansion.targets[next(iter(members.values()))].variant
        versions = self.lock.lines_of(variant.values).versions
        exact = tags.tag(variant, self.catalog.matrix, versions)
        since = None
        is_brought = any(
            target_id in targets and targets[target_id].is_brought for target_id in members.values()
        )
        if record and not is_brought:
            digests = {target_id: self._digest(target_id, record) for target_id in members.values()}
            since = record.since(variant.id, exact, members, digests)
        return f"{self.catalog.matrix.repository_of(variant.image)}:{exact}-{since or self.release}"

    def _repository(self, name: str) -> Reference:
        return parse_reference(self.catalog.matrix.repository_of(f"{CHARTS}/{name}"))

    def _digest(self, target: str, record: Record) -> str:
        """Return the digest of a target in the registry, else in the current release, else ""."""
        released = record.targets.get(target)
        return self.registry_state.digests.get(target, released.digest if released else "")

    def _chart(
        self, name: str, variants: Sequence[Mapping[str, str]], targets: Mapping[str, TargetPlan]
    ) -> ChartPlan:
        """Return the plan of a chart; `variants` has the targets of each variant by platform."""
        record = self.registry_state.record
        images = [self._image(members, targets) for members in variants]
        ids = [target_id for members in variants for target_id in members.values()]
        missing = [
            target_id
            for target_id in ids
            if target_id not in targets and target_id not in self.registry_state.digests
        ]
        released = record.charts.get(name) if record else None
        change, files = predict(self.catalog, name, images, released)
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
            before=released,
            files=files,
            fingerprint=chart_fingerprint(files),
        )


def unlocked_images(name: str, expansion: Expansion, matrix: Matrix, today: str) -> tuple[str, ...]:
    """Return the images of a chart whose images are not locked, with tags of release lines."""
    current = [
        expansion.targets[target_id]
        for variant in expansion.charts[name]
        for target_id in expansion.members.get(variant.id, {}).values()
        if not expansion.targets[target_id].has_ended(today)
    ]
    variants = [target.variant for target in sorted(current, key=lambda item: item.is_past(today))]
    return tuple(
        dict.fromkeys(
            f"{matrix.repository_of(variant.image)}:{NOT_LOCKED}{tags.line_tag(variant, matrix)}"
            for variant in variants
        )
    )


def chart_step(chart: ChartPlan, targets: Mapping[str, TargetPlan]) -> Step:
    """Return the step that packages a chart, after the builds of its images."""
    reason = chart.reason
    building = sum(
        target_id in targets and targets[target_id].is_made for target_id in chart.variants
    )
    if building and chart.action == "package":
        reason += f"; {building} of its {len(chart.variants)} images will be built"
    return Step(
        id=StepId.of("chart", chart.name),
        kind="chart",
        target=chart.name,
        needs=steps_for(chart.variants, targets),
        action=chart.action,
        reason=reason,
    )
