"""Roll back: make a new release with the content of an older one, its charts at higher versions.

Images and charts that the older release lacks, because they were added since, stay published as
they are. On a tag conflict the older release wins.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from builder.catalog.ids import TargetId
from builder.catalog.models import Catalog
from builder.charts import helm_versions
from builder.charts.changelog import with_changelog
from builder.charts.next_version import chart_reference
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.oci_artifact import (
    chart_artifact,
    package_at,
    released_package,
)
from builder.charts.semver import bump, with_version
from builder.common.errors import SelectionError, StepError
from builder.common.parallel import in_parallel
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.image_check import ImageCheck
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedChart, ReleasedTarget, ReleasedVariant
from builder.release.commit import Records, TagUpdate
from builder.trust.seals import PLAIN, Seals

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class RollbackPlan:
    """What a rollback would do. `packages` are the new chart packages, by the chart's name.

    `record` is the new release. With `is_current` it is the current one, and nothing is to be done.
    """

    old: Record
    current: Record
    record: Record
    is_current: bool = False
    packages: Mapping[str, ChartPackage] = field(default_factory=dict)


class Rollback:
    """Releases the content of an older release again."""

    def __init__(self, *, catalog: Catalog, store: Registry, trust: Seals = PLAIN) -> None:
        self._trust = trust
        self._catalog = catalog
        self._store = store
        self._records = Records(catalog=catalog, store=store, trust=trust)

    def prepare(self, name: str, today: str) -> RollbackPlan:
        """Return what a rollback to release `name` would do; nothing is written.

        Raises SelectionError if there is no such release, StepError if one of its images is gone
        from the registry, DifferenceError if one is not believed.
        """
        names = self._records.names()
        current = self._records.current()
        if current is not None and current.release == name:
            return RollbackPlan(old=current, current=current, record=current, is_current=True)
        old = self._records.named(name) if name in names else None
        if old is None or current is None:
            raise SelectionError(f"there is no release {name!r}", hint=_latest(names))
        targets, variants = _contents(old, current)
        charts, packages = self._charts(old, current)
        record = Record(
            catalog=current.catalog,
            release=release_record.name(today, names),
            previous=current.release,
            lock_data=old.lock_data,
            targets=targets,
            charts=charts,
            bases=old.bases,
            blocked={},
            variants=variants,
            source=old.source,
        )
        self._check(record, name, packages)
        if not packages and release_record.same_content(current, record):
            return RollbackPlan(old=old, current=current, record=current, is_current=True)
        return RollbackPlan(old=old, current=current, record=record, packages=packages)

    def tag_updates(self, plan: RollbackPlan) -> list[tuple[TagUpdate, str | None]]:
        """Return the image tags that would change, each with the digest that it names now."""
        updates = self._records.tag_updates(replace(plan.record, charts={}))
        digests = in_parallel(lambda update: self._store.digest(update.tag), updates)
        pairs = zip(updates, digests, strict=True)
        return [(update, digest) for update, digest in pairs if digest != update.source.digest]

    def carry_out(self, plan: RollbackPlan, note: Callable[[str], object]) -> Record:
        """Publish the new release; return the current record. Raises ConflictError, StepError."""
        if plan.is_current:
            self._records.converge(plan.record)
            return plan.record
        charts = dict(plan.record.charts)
        for name, package in plan.packages.items():
            charts[name] = self._publish(charts[name], package, plan.record.release)
        record = replace(plan.record, charts=charts)
        return self._records.commit(record, plan.current, note)

    # Charts.

    def _charts(
        self, old: Record, current: Record
    ) -> tuple[dict[str, ReleasedChart], dict[str, ChartPackage]]:
        """Return every chart of the new release, and the packages that are new; push nothing."""
        charts = dict(current.charts)
        packages: dict[str, ChartPackage] = {}
        for name, chart in old.charts.items():
            newer = current.charts.get(name)
            if newer is not None and newer.fingerprint == chart.fingerprint:
                continue
            highest = self._highest(name, newer or chart)
            if newer is None and highest == chart.version:
                charts[name] = chart
                continue
            package = self._package(name, chart)
            types = (newer or chart).values
            version = bump(highest, before=types, after=chart.values, chart=name)
            before = self._package(name, newer) if newer else None
            files = with_changelog(
                with_version(package.files, version), before.files if before else None
            )
            packages[name] = ChartPackage(data=pack(name, files))
            listed = newer.listed if newer else chart.listed
            charts[name] = replace(chart, version=version, listed=listed)
        return charts, packages

    def _highest(self, name: str, chart: ReleasedChart) -> str:
        """Return the highest version that a chart ever had; its tags never move, listed or not."""
        tags = self._store.tags(self._chart_repository(name).name)
        versions = {*chart.listed, *filter(None, map(helm_versions.version_of, tags))}
        return max(versions, key=helm_versions.rank)

    def _package(self, name: str, chart: ReleasedChart) -> ChartPackage:
        matrix = self._catalog.matrix
        return released_package(name, chart, matrix=matrix, store=self._store)

    def _publish(self, chart: ReleasedChart, package: ChartPackage, name: str) -> ReleasedChart:
        """Push a package unless it is there; return the chart as release `name` lists it."""
        reference = chart_reference(self._catalog, package.name, package.files, package.version)
        if found := package_at(self._store, reference, package.files):
            manifest, package = found
        else:
            manifest = self._store.put(chart_artifact(package), reference)
        entry = {
            "manifest": manifest,
            "digest": package.digest,
            "created": release_record.moment(name),
        }
        return replace(chart, listed={**chart.listed, package.version: entry})

    def _chart_repository(self, name: str) -> Reference:
        return parse_reference(
            self._catalog.matrix.repository_of(f"{release_record.CHARTS}/{name}")
        )

    # Whether it is possible.

    def _check(self, record: Record, name: str, packages: Collection[str]) -> None:
        """Raise StepError, which lists them, if images of the new release are gone.

        Raises DifferenceError for those that are not believed.
        """
        matrix = self._catalog.matrix
        needed = {
            key: parse_reference(matrix.repository_of(target.image)).at(target.digest)
            for key, target in record.targets.items()
        }
        written = {update.tag for update in self._records.tag_updates(replace(record, charts={}))}
        for chart in packages:
            images = map(parse_reference, record.charts[chart].images)
            needed |= {f"chart {chart}": image for image in images if image not in written}
        digests = in_parallel(self._store.digest, needed.values())
        missing = [
            f"  {key}: {reference}"
            for (key, reference), digest in zip(needed.items(), digests, strict=True)
            if digest is None
        ]
        if missing:
            lines = [f"release {name} cannot be released again: images are gone", *missing]
            raise StepError("\n".join(lines), hint="nothing was written")
        check = ImageCheck(self._store, matrix.repository_of, trust=self._trust)
        check.check_released(record.targets)


def _contents(
    old: Record, current: Record
) -> tuple[dict[str, ReleasedTarget], dict[str, ReleasedVariant]]:
    """Return the targets and indexes of the old release, and those of variants added since."""
    variants = {TargetId(key).variant for key in old.targets}
    rolling = {(item.image, tag) for item in old.targets.values() for tag in item.rolling}
    exact = {(item.image, item.exact) for item in old.targets.values() if item.publish}
    targets = dict(old.targets)
    for key, item in current.targets.items():
        if TargetId(key).variant not in variants and (item.image, item.exact) not in exact:
            tags = tuple(tag for tag in item.rolling if (item.image, tag) not in rolling)
            targets[key] = replace(item, rolling=tags)
    added = {
        key: variant
        for key, variant in current.variants.items()
        if key not in variants and all(item in targets for item in variant.targets.values())
    }
    return targets, {**old.variants, **added}


def _latest(names: tuple[str, ...]) -> str:
    """Return a hint with the newest releases."""
    if not names:
        return "nothing is released: `builder weekly`"
    return f"the latest: {', '.join(reversed(names[-_SHOWN:]))}"
