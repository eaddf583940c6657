"""Makes the plan: frozen steps, from catalog, lock, registry state, selection and day.

Pure: the same inputs give the same plan, to the byte. Every step has a reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from builder.catalog import tags
from builder.catalog.expansion import Expansion
from builder.catalog.ids import TargetId
from builder.catalog.models import Base, Catalog, Target, Variant
from builder.catalog.recipe import budget_of, tests_hash
from builder.common import graph
from builder.common.errors import ConfigError
from builder.common.text import count
from builder.lock.lockfile import Lock
from builder.lock.requests import never_locked, unlocked_line
from builder.oci.reference import parse as parse_reference
from builder.plan.chart_planner import ChartPlanner, chart_step
from builder.plan.fingerprint import Fingerprint
from builder.plan.models import (
    BROUGHT,
    MADE,
    Adoptable,
    ChartPlan,
    Plan,
    RegistryState,
    Step,
    TargetPlan,
    held_back,
    not_locked,
    steps_for,
    why_build,
    with_missing,
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
    registry_state: RegistryState,
    selected: Sequence[str],
    today: str,
    builds: Collection[str] | None = None,
    unlocked: Mapping[str, str] = MappingProxyType({}),
    upstream_charts: Sequence[str] = (),
    reachable: bool = False,
) -> Plan:
    """Return the plan. Raises ConfigError if two variants have the same tag, or a base no lock.

    `today` is YYYY-MM-DD; `selected` are target ids; `builds` are the platforms that the engine
    can build for, None for all; `unlocked` maps targets to the reason why the lock does not fit.
    `reachable`: what might be adopted is not built where nobody can be asked for it.
    """
    planner = _Planner(
        catalog, expansion, lock, fingerprints, registry_state, today, builds, unlocked,
        upstream_charts, reachable=reachable,
    )  # fmt: skip
    return planner.plan(selected)


class _Planner:
    def __init__(
        self,
        catalog: Catalog,
        expansion: Expansion,
        lock: Lock,
        fingerprints: Mapping[str, Fingerprint],
        registry_state: RegistryState,
        today: str,
        builds: Collection[str] | None,
        unlocked: Mapping[str, str],
        upstream_charts: Sequence[str],
        *,
        reachable: bool,
    ) -> None:
        self.catalog = catalog
        self.expansion = expansion
        self.lock = lock
        self.fingerprints = fingerprints
        self.registry_state = registry_state
        self.today = today
        self.builds = builds
        self.unlocked = unlocked
        self.upstream_charts = upstream_charts
        self.reachable = reachable
        self.firsts: dict[str, dict[str, str]] = {}  # by image and suffix
        self.release = release_record.name(today, registry_state.releases)

    def plan(self, selected: Sequence[str]) -> Plan:
        targets: dict[str, TargetPlan] = {}
        digests = self.registry_state.digests
        for target_id in with_missing(selected, self.expansion, digests):
            targets[target_id] = self._target(self.expansion.targets[target_id], targets)
        targets = held_back(targets)
        self._check_tags(targets)
        charts = self._charts().plan(targets, set(selected))
        bases = self._bases(targets)
        steps = [self._base_step(base, targets) for base in bases.values()]
        steps += [self._target_step(target_plan, targets) for target_plan in targets.values()]
        steps += [chart_step(chart, targets) for chart in charts.values()]
        name, release_step = self._release_step(targets, charts, steps)
        return Plan(
            release=name,
            targets=targets,
            charts=charts,
            bases=bases,
            steps={step.id: step for step in [*steps, release_step]},
            never_locked=never_locked(self.catalog.matrix, self.lock),
            adoptable_bases={
                key: found for key in bases if (found := self._adoptable(key)) is not None
            },
        )

    # Targets.

    def _target(self, target: Target, earlier: Mapping[str, TargetPlan]) -> TargetPlan:
        fingerprint = self.fingerprints[target.id]
        matrix = self.catalog.matrix
        action, reason = self._decide(target, fingerprint)
        if action != "retire" and target.is_past(self.today):
            reason += f"; {self._first_to_end(target)} ends on {target.last_day}"
        reason += "".join(f"; without {image}: {why}" for image, why in target.without)
        if action in MADE and (barrier := self._barrier(target, earlier)):
            action, reason = "block", barrier
        if action != "retire" and target.id in self.unlocked:
            action, reason = "block", self.unlocked[target.id]
        versions = self.lock.lines_of(target.variant.values).versions
        exact = tags.tag(target.variant, matrix, versions)
        first = self._first(target.variant)
        is_published = action not in ("retire", "block") and target.publish
        return TargetPlan(
            target=target,
            fingerprint=fingerprint,
            dockerfile=fingerprint.dockerfile,
            tests_hash=self._tests_hash(target),
            files=fingerprint.files,
            budget=budget_of(self.catalog.recipes[target.recipe], fingerprint.variables),
            repository=parse_reference(matrix.repository_of(target.variant.image)),
            exact=exact,
            immutable=(fingerprint.tag, *([f"{exact}-{self.release}"] if is_published else [])),
            rolling=tags.rolling(target.variant, matrix, exact, first=first)
            if is_published
            else (),
            action=action,
            reason=reason,
            digest=(digest := self.registry_state.digests.get(target.id)),
            adoptable=self._adoptable(target.id) if action == "adopt" else None,
            released=self._released(target, digest),
            before=self._before(target),
        )

    def _released(self, target: Target, digest: str | None) -> ReleasedTarget | None:
        released = self._before(target)
        return released if released and released.digest == digest else None

    def _before(self, target: Target) -> ReleasedTarget | None:
        record = self.registry_state.record
        return record.targets.get(target.id) if record else None

    def _charts(self) -> ChartPlanner:
        return ChartPlanner(
            catalog=self.catalog,
            expansion=self.expansion,
            lock=self.lock,
            registry_state=self.registry_state,
            today=self.today,
            release=self.release,
            upstream=self.upstream_charts,
        )

    def _first(self, variant: Variant) -> str:
        """Return the variant that `latest` names: the first locked one with the same suffix."""
        if variant.image not in self.firsts:
            firsts: dict[str, str] = {}
            variants = self.expansion.variants[variant.image]
            # Locked variants come first, then those past their end of life, each in its order.
            for candidate in sorted(
                variants,
                key=lambda candidate: (
                    bool(self._unlocked(candidate.values)),
                    self._is_past(candidate),
                ),
            ):
                firsts.setdefault(tags.suffix(candidate, self.catalog.matrix), candidate.id)
            self.firsts[variant.image] = firsts
        return self.firsts[variant.image][tags.suffix(variant, self.catalog.matrix)]

    def _is_past(self, variant: Variant) -> bool:
        """Whether another variant takes `latest`: not where that is the variant's own tag."""
        matrix = self.catalog.matrix
        ids = self.expansion.members.get(variant.id, {}).values()
        return any(self.expansion.targets[key].is_past(self.today) for key in ids) and (
            tags.line_tag(variant, matrix) != tags.LATEST + tags.suffix(variant, matrix)
        )

    def _first_to_end(self, target: Target) -> str:
        """Return the release lines of a target that are built no longer than it is."""
        matrix = self.catalog.matrix
        values = [matrix.value(line.axis, line.value) for line in target.variant.value_ids]
        return ", ".join(value.id for value in values if matrix.last_day(value) == target.last_day)

    def _unlocked(self, values: Mapping[str, str]) -> str:
        return unlocked_line(values, self.catalog.matrix, self.lock)

    def _barrier(self, target: Target, earlier: Mapping[str, TargetPlan]) -> str:
        """Return why a target cannot be built, or ""."""
        for ancestor in (target.parent, *(name for _, name in target.inputs)):
            if ancestor in earlier and earlier[ancestor].action in ("block", "retire"):
                ancestor_plan = earlier[ancestor]
                return (
                    ancestor_plan.reason
                    if ancestor_plan.action == "block"
                    else f"{ancestor}: {ancestor_plan.reason}"
                )
        if reason := not_locked(target, self.catalog, self.expansion, self.lock):
            return reason
        if self.builds is not None and target.platform not in self.builds:
            return f"this engine builds {', '.join(self.builds)}, not {target.platform}"
        return ""

    def _decide(self, target: Target, fingerprint: Fingerprint) -> tuple[str, str]:
        if target.has_ended(self.today):
            return "retire", f"{self._first_to_end(target)} ended on {target.last_day}"
        locked = "" if fingerprint.is_locked else "; packages not locked"
        locked += "".join(f"; not locked: {download}" for download in fingerprint.downloads)
        released = self._before(target)
        if target.id not in self.registry_state.digests:
            return self._decide_missing(target, self._why_build(target, fingerprint), locked)
        if released and released.tests_hash and self._tests_hash(target) != released.tests_hash:
            return "test", "its tests changed; the image did not"
        return "reuse", f"{fingerprint.tag} is in the registry{locked}"

    def _decide_missing(self, target: Target, why: str, locked: str) -> tuple[str, str]:
        """Return what happens to a target that the registry lacks."""
        adoptables = self.registry_state.adoptables
        if found := self._adoptable(target.id):
            is_tested = found.tests_hash == self._tests_hash(target)
            tests = "" if is_tested else "; its tests are others here"
            return "adopt", f"{found.catalog} {found.release} has it{tests}"
        unasked = adoptables.unasked.get(target.id, "")
        if unasked and self.reachable:
            return "block", unasked
        refused = adoptables.refused.get(target.id, unasked)
        why += f"; not adopted: {refused}" if refused else ""
        return "mirror" if target.is_mirrored else "build", why + locked

    def _adoptable(self, key: str) -> Adoptable | None:
        return self.registry_state.adoptables.images.get(key)

    def _why_build(self, target: Target, fingerprint: Fingerprint) -> str:
        if not self.registry_state.was_read:
            return _NOT_ASKED
        if doubt := self.registry_state.doubts.get(target.id):
            return f"{fingerprint.tag} is in the registry, but {doubt}"
        return why_build(self._before(target), fingerprint)

    def _tests_hash(self, target: Target) -> str:
        lineage = self.expansion.lineage(target)
        return tests_hash(self.catalog.recipes[ancestor.recipe] for ancestor in lineage)

    def _check_tags(self, targets: Mapping[str, TargetPlan]) -> None:
        """Raise ConfigError if two variants have the same exact tag, as their lines may not."""
        taken: dict[tuple[str, str], str] = {}
        for target_plan in targets.values():
            if not target_plan.rolling:
                continue
            key, variant = (
                (target_plan.target.variant.image, target_plan.exact),
                target_plan.target.variant.id,
            )
            if key in taken and self.expansion.targets[taken[key]].variant.id != variant:
                variants = (self.expansion.targets[taken[key]].variant, target_plan.target.variant)
                matrix = self.catalog.matrix
                is_replaced = any(
                    tags.is_replaced(one, matrix, self.lock.lines_of(one.values).versions)
                    for one in variants
                )
                why = "; a sign that no tag may have is written as `_`" if is_replaced else ""
                raise ConfigError(
                    f"{taken[key]} and {target_plan.target.id} have the tag {target_plan.exact!r}",
                    hint=f"give a value in which they differ a `tag`{why}",
                )
            taken.setdefault(key, target_plan.target.id)

    def _target_step(self, target_plan: TargetPlan, targets: Mapping[str, TargetPlan]) -> Step:
        target = target_plan.target
        needs: list[str] = []
        if target_plan.is_made:
            sources = [target.parent, *(name for _, name in target.inputs)]
            needs = [StepId.of("base", target.parent)] if target.is_root else []
            needs += steps_for(sources, targets)
        return Step(
            id=StepId.of("build", target.id),
            kind="build",
            target=target.id,
            needs=tuple(dict.fromkeys(needs)),
            action=target_plan.action,
            reason=target_plan.reason,
        )

    # Bases.

    def _bases(self, targets: Mapping[str, TargetPlan]) -> dict[str, Base]:
        used = {
            target_plan.target.parent
            for target_plan in targets.values()
            if target_plan.target.is_root
        }
        return {name: base for name, base in self.expansion.bases.items() if name in used}

    def _base_step(self, base: Base, targets: Mapping[str, TargetPlan]) -> Step:
        actions = [
            target_plan.action
            for target_plan in targets.values()
            if target_plan.target.parent == base.id
        ]
        if not set(actions) <= {"retire", "block"}:
            self.lock.base(base.id)  # raises; only the base of ended targets may lack a lock
        if base.id in self.registry_state.digests:
            action, reason = "reuse", "its content is in the registry"
        elif BROUGHT.isdisjoint(actions):
            action, reason = "skip", "nothing is built on it"
        elif found := self._adoptable(base.id):
            action, reason = "adopt", f"{found.catalog} {found.release} has it"
        else:
            locked = self.lock.base(base.id)
            source = f"{locked.source}:{locked.version}" if locked.version else locked.source
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
        record = self.registry_state.record
        built = sum(target_plan.is_made for target_plan in targets.values())
        adopted = sum(target_plan.action == "adopt" for target_plan in targets.values())
        packaged = sum(chart.action == "package" for chart in charts.values())
        name, action = self.release, "release"
        unreleased = sum(_is_unreleased(target_plan) for target_plan in targets.values())
        reused = f", {unreleased} built before" if unreleased else ""
        gone = self._gone(record) if record else ""
        reused = (f", {adopted} adopted" if adopted else "") + reused
        reason = f"{built} built{reused}, {count(packaged, 'chart')} packaged{gone}"
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
        """Return `; gone: 2 targets, 1 chart`, which the catalog no longer has, or ""."""
        variant_ids = {
            variant.id for variants in self.expansion.variants.values() for variant in variants
        }
        targets = sum(TargetId(key).variant not in variant_ids for key in record.targets)
        charts = len(record.charts.keys() - self.catalog.matrix.all_charts.keys())
        parts = [count(targets, "target")] if targets else []
        parts += [count(charts, "chart")] if charts else []
        return f"; gone: {', '.join(parts)}" if parts else ""

    def _moved(self, record: Record, targets: Mapping[str, TargetPlan]) -> bool:
        """Whether images or tags differ from those of the record."""
        for target_plan in targets.values():
            released = record.targets.get(target_plan.target.id)
            if target_plan.action in ("retire", "block") or (
                target_plan.target.publish and not target_plan.rolling
            ):
                continue  # it is not published now
            if released is None or (released.digest, released.rolling) != (
                target_plan.digest,
                target_plan.rolling,
            ):
                return True
            members = self.expansion.members[target_plan.target.variant.id]
            variant = record.variants.get(target_plan.target.variant.id)
            if target_plan.target.publish and (variant.targets if variant else {}) != (
                members if len(members) > 1 else {}
            ):
                return True
        return False


def _is_unreleased(target_plan: TargetPlan) -> bool:
    """Whether an image is in the registry but not in the current release."""
    is_there = target_plan.action in ("reuse", "test") and target_plan.target.publish
    return is_there and target_plan.released is None


def _leaves(steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the steps that no other step needs: once they have ended, all have."""
    followers = graph.reverse({step.id: step.needs for step in steps})
    return tuple(step.id for step in steps if not followers[step.id])
