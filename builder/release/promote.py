"""Promote what passed to a release.

Chart packages are in the registry already. `commit` writes the record, `current` and the tags; the
index of the chart repository is written last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.build.checked_charts import CheckedChart
from builder.build.events import Noted, ReleaseContents, ReleaseResult, Result
from builder.build.run_context import RunContext
from builder.charts.semver import value_types
from builder.common.checkout import commit_of, read_checkout
from builder.common.errors import StepError
from builder.common.process import Runner
from builder.common.source_content import content_in
from builder.common.text import count, first_line
from builder.common.version import VERSION
from builder.lock import lockfile
from builder.plan.models import BROUGHT, Plan, Step, base_reference
from builder.plan.step_id import StepId
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import CHARTS, MadeFrom, Record, ReleasedChart
from builder.release.commit import Records
from builder.release.contents import WAITING, TargetCollector
from builder.release.source import push_source


class Promotion:
    """Carries out the step of kind `release`."""

    def __init__(self, *, context: RunContext, store: Registry) -> None:
        self._context = context
        self._store = store
        self._records = Records(catalog=context.catalog, store=store, trust=context.trust)

    def release(self, step: Step, blocked: Mapping[str, str]) -> tuple[Result, Record]:
        """Promote the images and charts of the plan that are in the registry.

        `blocked` maps each step that did not pass to why. Returns the record that is current then.
        """
        previous = self._records.current()
        if previous and step.action == "keep":
            self._records.converge(previous)
            self._push_source(step, previous)
            detail = _detail(previous, self._contents(previous, _New()))
            result = Result(step=step.id, status="reused", reason=step.reason, detail=detail)
            return result, previous
        record = self._record(step, previous, blocked)
        if not record.targets:
            raise StepError("nothing passed, so there is nothing to release")
        current = self._records.commit(record, previous, lambda text: self._note(step, text))
        self._push_source(step, current)
        new = self._new(current, previous)
        result = Result(
            step=step.id,
            status="done",
            reason=new.text or step.reason,
            detail=_detail(current, self._contents(current, new)),
        )
        return result, current

    def _push_source(self, step: Step, record: Record) -> None:
        push_source(
            self._store,
            self._records.repository,
            record,
            self._context.project.root,
            lambda text: self._note(step, text),
        )

    # The record.

    def _record(self, step: Step, previous: Record | None, blocked: Mapping[str, str]) -> Record:
        context, plan = self._context, self._context.plan
        collector = TargetCollector(
            context=context, store=self._store, previous=previous, blocked=blocked
        )
        collected = collector.collect()
        for note in collected.notes:
            self._note(step, note)
        charts = {
            name: chart
            for name in context.catalog.matrix.all_charts
            if (chart := self._chart(name, plan, previous, blocked)) is not None
        }
        return Record(
            catalog=context.catalog.matrix.name,
            release=plan.release,
            previous=previous.release if previous else None,
            lock_data=lockfile.as_data(context.lock),
            targets=collected.targets,
            charts=charts,
            bases=self._bases(),
            blocked={**blocked, **collected.waiting},
            variants=collected.variants,
            source=_source(context.project.root),
        )

    def _chart(
        self, name: str, plan: Plan, previous: Record | None, blocked: Collection[str]
    ) -> ReleasedChart | None:
        """Return a chart of the release: the package that passed its checks now, or the old one.

        Raises DifferenceError where the registry has another package.
        """
        item = plan.charts.get(name)
        old = previous.charts.get(name) if previous else None
        if item is None or item.action != "package" or StepId.of("chart", name) in blocked:
            return old
        found = CheckedChart(self._context, self._store, item).released()
        if found is None:
            return old
        manifest, package = found
        listed = dict(old.listed) if old else {}
        listed[item.version] = {
            "manifest": manifest,
            "digest": package.digest,
            "created": release_record.moment(plan.release),
        }
        return ReleasedChart(
            version=item.version,
            fingerprint=item.fingerprint,
            images=item.images,
            values=value_types(item.files),
            listed=listed,
        )

    def _bases(self) -> dict[str, str]:
        context = self._context
        references = {
            base.id: base_reference(base, context.catalog, context.lock)
            for base in context.expansion.bases.values()
            if base.id in context.lock.bases
        }
        digests = {key: self._store.digest(item) for key, item in references.items()}
        return {key: digest for key, digest in digests.items() if digest}

    def _new(self, record: Record, previous: Record | None) -> _New:
        """Return what is new in a release."""
        context = self._context
        images: dict[str, str] = {}  # by id, what this run did for it
        for key, target in record.targets.items():
            old = previous.targets.get(key) if previous else None
            is_here = target.publish and key in context.expansion.targets
            if is_here and (old is None or old.digest != target.digest):
                variant = context.expansion.targets[key].variant.id
                item = context.plan.targets.get(key)
                action = item.action if item and item.is_brought else ""
                images[variant] = action or images.get(variant, "")
        before = (
            {name: chart.version for name, chart in previous.charts.items()} if previous else {}
        )
        charts = [
            name for name, chart in record.charts.items() if before.get(name) != chart.version
        ]
        gone = len(previous.targets.keys() - record.targets.keys()) if previous else 0
        return _New(images=images, charts=tuple(charts), gone=gone)

    def _contents(self, record: Record, new: _New) -> ReleaseContents:
        """Return the references of the images and charts of a release, the new ones first.

        Each image has one reference, with its most general tag. `embedded` is the address of the
        embedded registry, if that is where they are.
        """
        matrix, targets = self._context.catalog.matrix, self._context.expansion.targets
        published = [
            key for key in targets if key in record.targets and record.targets[key].publish
        ]
        images: dict[str, str] = {}
        for key in sorted(published, key=lambda key: targets[key].variant.id not in new.images):
            tag = next(reversed(record.targets[key].rolling), "")
            image = record.targets[key].image
            if tag:
                images.setdefault(image, f"{matrix.repository_of(image)}:{tag}")
        charts = [
            f"{matrix.repository_of(f'{CHARTS}/{name}')}:{record.charts[name].version}"
            for name in sorted(matrix.all_charts, key=lambda name: name not in new.charts)
            if name in record.charts
        ]
        embedded = matrix.embedded if matrix.registries[0] == "embedded" else ""
        return ReleaseContents(
            images=tuple(images.values()), charts=tuple(charts), embedded=embedded
        )

    def _note(self, step: Step, text: str) -> None:
        self._context.listen(Noted(step=step.id, text=text))


@dataclass(frozen=True, kw_only=True)
class _New:
    """What is new in a release.

    `images` maps each variant's id to how this run brought it: the action, "" where it was there.
    """

    images: Mapping[str, str] = field(default_factory=dict)
    charts: tuple[str, ...] = ()
    gone: int = 0  # targets of the previous release that this one lacks

    @property
    def text(self) -> str:
        """Return `2 images (1 built before), 1 chart, 3 targets gone`, or nothing."""
        actions = list(self.images.values())
        kinds = {"adopted": actions.count("adopt"), "built before": actions.count("")}
        notes = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)
        images = count(len(self.images), "image") + (f" ({notes})" if notes else "")
        parts = {
            images: len(self.images),
            count(len(self.charts), "chart"): len(self.charts),
            f"{count(self.gone, 'target')} gone": self.gone,
        }
        return ", ".join(text for text, number in parts.items() if number)


def _detail(record: Record, contents: ReleaseContents) -> ReleaseResult:
    return ReleaseResult(
        release=record.release,
        previous=record.previous,
        targets=len(record.targets),
        charts={name: chart.version for name, chart in record.charts.items()},
        contents=contents,
        waiting={
            key.removeprefix(WAITING): why
            for key, why in record.blocked.items()
            if key.startswith(WAITING)
        },
    )


def _source(root: Path) -> MadeFrom:
    """Return what the catalog in a folder is now."""
    runner = Runner()
    return MadeFrom(
        commit=commit_of(root, runner),
        content=content_in(read_checkout(root, runner)),
        builder=VERSION,
    )


def blocked_steps(plan: Plan, ended: Mapping[str, Result]) -> dict[str, str]:
    """Return why each step did not pass, in one line; `ended` are the results of this run.

    Other processes may carry out steps too: a target that is not in the registry did not pass.
    """
    elsewhere = {
        step.id: "not in the registry when this release was made"
        for step in plan.steps.values()
        if step.kind in ("base", "build") and step.action in BROUGHT
    }
    here = {
        result.step: first_line(result.reason)
        for result in ended.values()
        if result.status in {"failed", "blocked", "skipped", "stopped"} and result.reason
    }
    return {step: why for step, why in elsewhere.items() if step not in ended} | here
