"""Makes the plan: catalog, lock, what the registry holds, selection and day, to frozen steps.

Pure: the same inputs are the same plan, to the byte. Every step says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from builder.catalog import tags
from builder.catalog.expansion import Expansion
from builder.catalog.ids import TargetId
from builder.catalog.models import Base, Catalog, Target, Variant
from builder.catalog.recipe import budget_of, suite
from builder.common import graph
from builder.common.errors import ConfigError
from builder.common.text import count
from builder.lock.lockfile import Lock
from builder.lock.requests import unlocked_line
from builder.oci.reference import parse as parse_reference
from builder.plan.chart_planner import ChartPlanner, chart_step
from builder.plan.fingerprint import Fingerprint
from builder.plan.models import (
    ChartPlan,
    Plan,
    RegistryState,
    Step,
    TargetPlan,
    held_back,
    not_locked,
    why_build,
)
from builder.plan.step_id import StepId
from builder.registry import release_record
from builder.registry.release_record import Record, ReleasedTarget

_NOT_ASKED = "the registry was not asked"


def make_plan(
    *,
    catalog: Catalog,
    expansion: Expansion,
    lock: Lock,
    fingerprints: Mapping[str, Fingerprint],
    observed: RegistryState,
    selected: Sequence[str],
    today: str,
    builds: Sequence[str] | None = None,
    unlocked: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """Decide everything.

    `today` is YYYY-MM-DD; `selected` are target ids; `builds` are the platforms that the engine
    can build for, None where that does not matter; `unlocked` says of targets why the lock does
    not fit them.
    """
    planner = _Planner(catalog, expansion, lock, fingerprints, observed, today, builds, unlocked)
    return planner.plan(selected)


class _Planner:
    def __init__(
        self,
        catalog: Catalog,
        expansion: Expansion,
        lock: Lock,
        fingerprints: Mapping[str, Fingerprint],
        observed: RegistryState,
        today: str,
        builds: Sequence[str] | None,
        unlocked: Mapping[str, str],
    ) -> None:
        self.catalog = catalog
        self.expansion = expansion
        self.lock = lock
        self.fingerprints = fingerprints
        self.observed = observed
        self.today = today
        self.builds = builds
        self.unlocked = unlocked
        self.firsts: dict[str, dict[str, str]] = {}  # by image and suffix
        self.release = release_record.name(today, observed.releases)

    def plan(self, selected: Sequence[str]) -> Plan:
        targets: dict[str, TargetPlan] = {}
        for item in self._with_missing(selected):
            targets[item] = self._target(self.expansion.targets[item], targets)
        targets = held_back(targets)
        self._check_tags(targets)
        charts = self._charts().plan(targets, set(selected))
        bases = self._bases(targets)
        steps = [self._base_step(base, targets) for base in bases.values()]
        steps += [self._target_step(item, targets) for item in targets.values()]
        steps += [chart_step(chart, targets) for chart in charts.values()]
        name, last = self._release_step(targets, charts, steps)
        return Plan(
            release=name,
            targets=targets,
            charts=charts,
            bases=bases,
            steps={step.id: step for step in [*steps, last]},
        )

    def _with_missing(self, selected: Sequence[str]) -> list[str]:
        """The selection, and what it is built from that is not in the registry."""
        needs = self.expansion.needs
        missing = [item for item in selected if item not in self.observed.digests]
        wanted, stack = set(selected), missing
        while stack:
            for parent in needs[stack.pop()]:
                known = parent in wanted or parent in self.observed.digests
                if parent in self.expansion.targets and not known:
                    wanted.add(parent)
                    stack.append(parent)
        return [item for item in self.expansion.targets if item in wanted]

    # Targets.

    def _target(self, target: Target, below: Mapping[str, TargetPlan]) -> TargetPlan:
        fingerprint = self.fingerprints[target.id]
        matrix = self.catalog.matrix
        action, reason = self._decide(target, fingerprint)
        if action == "build" and (barrier := self._barrier(target, below)):
            action, reason = "block", barrier
        if action != "retire" and target.id in self.unlocked:
            action, reason = "block", self.unlocked[target.id]
        exact = tags.tag(target.variant, matrix, self.lock.versions)
        first = self._first(target.variant)
        offered = action not in ("retire", "block") and target.publish
        return TargetPlan(
            target=target,
            fingerprint=fingerprint,
            dockerfile=fingerprint.dockerfile,
            suite=self._suite(target),
            files=fingerprint.files,
            budget=budget_of(self.catalog.recipes[target.recipe], fingerprint.variables),
            repository=parse_reference(matrix.repository_of(target.variant.image)),
            exact=exact,
            immutable=(fingerprint.tag, *([f"{exact}-{self.release}"] if offered else [])),
            rolling=tags.rolling(target.variant, matrix, exact, first=first) if offered else (),
            action=action,
            reason=reason,
            digest=(digest := self.observed.digests.get(target.id)),
            released=self._released(target, digest),
            before=self._before(target),
        )

    def _released(self, target: Target, digest: str | None) -> ReleasedTarget | None:
        old = self._before(target)
        return old if old and old.digest == digest else None

    def _before(self, target: Target) -> ReleasedTarget | None:
        record = self.observed.record
        return record.targets.get(target.id) if record else None

    def _charts(self) -> ChartPlanner:
        return ChartPlanner(
            catalog=self.catalog,
            expansion=self.expansion,
            lock=self.lock,
            observed=self.observed,
            today=self.today,
            release=self.release,
        )

    def _first(self, variant: Variant) -> str:
        """The variant that `latest` names: the first with the same suffix whose lines are known."""
        if variant.image not in self.firsts:
            firsts: dict[str, str] = {}
            variants = self.expansion.variants[variant.image]
            # Those that are known come first, each group in its order.
            for item in sorted(variants, key=lambda item: bool(self._unlocked(item.values))):
                firsts.setdefault(tags.suffix(item, self.catalog.matrix), item.id)
            self.firsts[variant.image] = firsts
        return self.firsts[variant.image][tags.suffix(variant, self.catalog.matrix)]

    def _unlocked(self, values: Mapping[str, str]) -> str:
        return unlocked_line(values, self.catalog.matrix, self.lock)

    def _barrier(self, target: Target, below: Mapping[str, TargetPlan]) -> str:
        """Why a target cannot be built, or nothing."""
        for item in (target.parent, *(name for _, name in target.inputs)):
            if item in below and below[item].action in ("block", "retire"):
                plan = below[item]
                return plan.reason if plan.action == "block" else f"{item}: {plan.reason}"
        if reason := not_locked(target, self.catalog, self.expansion, self.lock):
            return reason
        if self.builds is not None and target.platform not in self.builds:
            return f"this engine builds {', '.join(self.builds)}, not {target.platform}"
        return ""

    def _decide(self, target: Target, fingerprint: Fingerprint) -> tuple[str, str]:
        if target.has_ended(self.today):
            ended = [
                line
                for line in target.variant.value_ids
                if self.catalog.matrix.value(line.axis, line.value).eol == target.eol
            ]
            return "retire", f"{', '.join(ended)} ended on {target.eol}"
        locked = "" if fingerprint.is_locked else "; packages not locked"
        locked += "".join(f"; not locked: {item}" for item in fingerprint.downloads)
        old = self._before(target)
        if target.id not in self.observed.digests:
            reason = why_build(old, fingerprint) if self.observed.asked else _NOT_ASKED
            return "build", reason + locked
        if old and old.suite and self._suite(target) != old.suite:
            return "test", "its tests changed; the image did not"
        return "reuse", f"{fingerprint.tag} is in the registry{locked}"

    def _suite(self, target: Target) -> str:
        lineage = self.expansion.lineage(target)
        return suite(self.catalog.recipes[one.recipe] for one in lineage)

    def _check_tags(self, targets: Mapping[str, TargetPlan]) -> None:
        """Exact versions may meet where lines did not."""
        taken: dict[tuple[str, str], str] = {}
        for item in targets.values():
            if not item.rolling:
                continue
            key, variant = (item.target.variant.image, item.exact), item.target.variant.id
            if key in taken and self.expansion.targets[taken[key]].variant.id != variant:
                both = (self.expansion.targets[taken[key]].variant, item.target.variant)
                matrix, versions = self.catalog.matrix, self.lock.versions
                is_replaced = any(tags.is_replaced(one, matrix, versions) for one in both)
                why = "; a sign that no tag may have is written as `_`" if is_replaced else ""
                raise ConfigError(
                    f"{taken[key]} and {item.target.id} have the tag {item.exact!r}",
                    hint=f"give a value in which they differ a `tag`{why}",
                )
            taken.setdefault(key, item.target.id)

    def _target_step(self, item: TargetPlan, targets: Mapping[str, TargetPlan]) -> Step:
        target = item.target
        needs: list[str] = []
        if item.action == "build":
            below = [target.parent, *(name for _, name in target.inputs)]
            needs = [StepId.of("base", target.parent)] if target.is_root else []
            needs += [StepId.of("build", name) for name in below if name in targets]
        return Step(
            id=StepId.of("build", target.id),
            kind="build",
            target=target.id,
            needs=tuple(dict.fromkeys(needs)),
            action=item.action,
            reason=item.reason,
        )

    # Bases.

    def _bases(self, targets: Mapping[str, TargetPlan]) -> dict[str, Base]:
        used = {item.target.parent for item in targets.values() if item.target.is_root}
        return {name: base for name, base in self.expansion.bases.items() if name in used}

    def _base_step(self, base: Base, targets: Mapping[str, TargetPlan]) -> Step:
        on_it = [item.action for item in targets.values() if item.target.parent == base.id]
        if not set(on_it) <= {"retire", "block"}:
            self.lock.base(base.id)  # raises; only what has ended may be without
        if base.id in self.observed.digests:
            action, reason = "reuse", "its content is in the registry"
        elif "build" not in on_it:
            action, reason = "skip", "nothing is built on it"
        else:
            source = self.lock.base(base.id).source
            action, reason = "fetch", f"not in the registry; locked to {source}"
        return Step(
            id=StepId.of("base", base.id),
            kind="base",
            target=base.id,
            needs=(),
            action=action,
            reason=reason,
        )

    # The release.

    def _release_step(
        self,
        targets: Mapping[str, TargetPlan],
        charts: Mapping[str, ChartPlan],
        steps: Sequence[Step],
    ) -> tuple[str, Step]:
        record = self.observed.record
        built = sum(item.action == "build" for item in targets.values())
        packaged = sum(chart.action == "package" for chart in charts.values())
        name, action = self.release, "release"
        waiting = sum(_is_unreleased(item) for item in targets.values())
        before = f", {waiting} built before" if waiting else ""
        gone = self._gone(record) if record else ""
        reason = f"{built} built{before}, {count(packaged, 'chart')} packaged{gone}"
        if record and not (built or packaged or gone or self._moved(record, targets)):
            reason = f"nothing changed since {record.release}; a new week"
            if record.day == self.today:
                name, action = record.release, "keep"
                reason = f"nothing that passed has changed since {record.release}"
        leaves = _leaves([step for step in steps if step.action != "skip"])
        return name, Step(
            id=StepId.of("release"),
            kind="release",
            target=name,
            needs=leaves,
            action=action,
            reason=reason,
        )

    def _gone(self, record: Record) -> str:
        """Return `; gone: 2 targets, 1 chart`, of what the catalog no longer has, or nothing."""
        known = {
            variant.id for variants in self.expansion.variants.values() for variant in variants
        }
        targets = sum(TargetId(key).variant not in known for key in record.targets)
        charts = len(record.charts.keys() - self.catalog.matrix.charts.keys())
        parts = [count(targets, "target")] if targets else []
        parts += [count(charts, "chart")] if charts else []
        return f"; gone: {', '.join(parts)}" if parts else ""

    def _moved(self, record: Record, targets: Mapping[str, TargetPlan]) -> bool:
        """Whether what is there differs from what the record offers."""
        for item in targets.values():
            old = record.targets.get(item.target.id)
            if item.action in ("retire", "block") or (item.target.publish and not item.rolling):
                continue  # nothing of it is offered now
            if old is None or (old.digest, old.rolling) != (item.digest, item.rolling):
                return True
            members = self.expansion.members[item.target.variant.id]
            variant = record.variants.get(item.target.variant.id)
            if item.target.publish and (variant.targets if variant else {}) != (
                members if len(members) > 1 else {}
            ):
                return True
        return False


def _is_unreleased(item: TargetPlan) -> bool:
    """Return whether an image is in the registry, and the current release has another, or none."""
    is_there = item.action in ("reuse", "test") and item.target.publish
    return is_there and item.released is None


def _leaves(steps: Sequence[Step]) -> tuple[str, ...]:
    """The steps that no other step needs: once they have ended, all have."""
    needed = graph.reverse({step.id: step.needs for step in steps})
    return tuple(step.id for step in steps if not needed[step.id])
