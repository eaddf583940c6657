"""A rollback: a new release that offers what an older one did, its charts at higher versions.

What the older release lacks, a line or a chart that came since, stays offered as it is: a rollback
takes back what changed, not what the catalog is. Tags that both would have are the older one's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from builder.catalog.ids import TargetId
from builder.catalog.models import Catalog
from builder.charts import helm_versions
from builder.charts.changelog import with_changelog
from builder.charts.next_version import chart_place
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.oci_artifact import chart_artifact, released_package
from builder.charts.semver import bump, with_version
from builder.common.errors import SelectionError, StepError
from builder.common.parallel import by_item, in_parallel
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedChart, ReleasedTarget, ReleasedVariant
from builder.release.commit import Move, Records

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Return:
    """What a rollback would do. `packages` are the charts that it publishes anew, by name.

    `record` is the new release; where `is_offered`, it is the current one: nothing is to be done.
    """

    old: Record
    current: Record
    record: Record
    is_offered: bool = False
    packages: Mapping[str, ChartPackage] = field(default_factory=dict)


class Rollback:
    """Offers an older release again."""

    def __init__(self, *, catalog: Catalog, store: Registry) -> None:
        self._catalog = catalog
        self._store = store
        self._records = Records(catalog=catalog, store=store)

    def prepare(self, name: str, today: str) -> Return:
        """What offering release `name` again would do; nothing is written.

        Raises SelectionError where there is no such release, StepError where something that it
        offered is gone from the registry.
        """
        names = self._records.names()
        current = self._records.current()
        old = self._records.named(name) if name in names else None
        if old is None or current is None:
            raise SelectionError(f"there is no release {name!r}", hint=_latest(names))
        if current.release == name:
            return Return(old=old, current=current, record=current, is_offered=True)
        targets, variants = _offered(old, current)
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
        )
        self._check(record, name, packages)
        if not packages and release_record.same_content(current, record):
            return Return(old=old, current=current, record=current, is_offered=True)
        return Return(old=old, current=current, record=record, packages=packages)

    def moves(self, to: Return) -> list[tuple[Move, str | None]]:
        """The tags of images that would change, each with the digest that it names now, if any."""
        moves = self._records.tags(replace(to.record, charts={}))
        held = in_parallel(lambda move: self._store.digest(move.place), moves)
        both = zip(moves, held, strict=True)
        return [(move, digest) for move, digest in both if digest != move.source.digest]

    def carry_out(self, to: Return, note: Callable[[str], object]) -> Record:
        """Release it; the record that is current then. Raises ConflictError, StepError."""
        if to.is_offered:
            self._records.converge(to.record)
            return to.record
        charts = dict(to.record.charts)
        for name, package in to.packages.items():
            charts[name] = self._publish(charts[name], package, to.record.release)
        record = replace(to.record, charts=charts)
        return self._records.commit(record, to.current, note)

    # Charts.

    def _charts(
        self, old: Record, current: Record
    ) -> tuple[dict[str, ReleasedChart], dict[str, ChartPackage]]:
        """What is offered of every chart, and the packages that are new. Nothing is pushed."""
        charts = dict(current.charts)
        packages: dict[str, ChartPackage] = {}
        for name, chart in old.charts.items():
            held = current.charts.get(name)
            if held is not None and held.fingerprint == chart.fingerprint:
                continue
            highest = self._highest(name, held or chart)
            if held is None and highest == chart.version:
                charts[name] = chart
                continue
            package = self._package(name, chart)
            types = (held or chart).values
            version = bump(highest, before=types, after=chart.values, chart=name)
            before = self._package(name, held) if held else None
            files = with_changelog(
                with_version(package.files, version), before.files if before else None
            )
            packages[name] = ChartPackage(data=pack(name, files))
            listed = held.listed if held else chart.listed
            charts[name] = replace(chart, version=version, listed=listed)
        return charts, packages

    def _highest(self, name: str, chart: ReleasedChart) -> str:
        """The highest version that a chart ever had: its tags never move, listed or not."""
        tags = self._store.tags(self._chart_repository(name).name)
        versions = {*chart.listed, *filter(None, map(helm_versions.version_of, tags))}
        return max(versions, key=helm_versions.rank)

    def _package(self, name: str, chart: ReleasedChart) -> ChartPackage:
        matrix = self._catalog.matrix
        return released_package(name, chart, matrix=matrix, store=self._store)

    def _publish(self, chart: ReleasedChart, package: ChartPackage, name: str) -> ReleasedChart:
        """Push a package; the chart as release `name` lists it."""
        place = chart_place(self._catalog, package.name, package.files, package.version)
        entry = {
            "manifest": self._store.put(chart_artifact(package), place),
            "digest": package.digest,
            "created": release_record.moment(name),
        }
        return replace(chart, listed={**chart.listed, package.version: entry})

    def _chart_repository(self, name: str) -> Reference:
        return parse_reference(
            self._catalog.matrix.repository_of(f"{release_record.CHARTS}/{name}")
        )

    # Whether it can be.

    def _check(self, record: Record, name: str, packages: Collection[str]) -> None:
        """Raise StepError where something that would be offered is gone, and name it."""
        matrix = self._catalog.matrix
        wanted = {
            key: parse_reference(matrix.repository_of(target.image)).at(target.digest)
            for key, target in record.targets.items()
        }
        written = {move.place for move in self._records.tags(replace(record, charts={}))}
        for chart in packages:
            images = map(parse_reference, record.charts[chart].images)
            wanted |= {f"chart {chart}": image for image in images if image not in written}
        held = by_item(self._store.digest, wanted.values())
        gone = [f"  {key}: {place}" for key, place in wanted.items() if held[place] is None]
        if gone:
            lines = [f"release {name} cannot be offered again: images are gone", *gone]
            raise StepError("\n".join(lines), hint="nothing was written")


def _offered(
    old: Record, current: Record
) -> tuple[dict[str, ReleasedTarget], dict[str, ReleasedVariant]]:
    """The targets and indexes of the old release, and those of variants that came since."""
    variants = {TargetId(key).variant for key in old.targets}
    taken = {(item.image, tag) for item in old.targets.values() for tag in item.rolling}
    exact = {(item.image, item.exact) for item in old.targets.values() if item.publish}
    targets = dict(old.targets)
    for key, item in current.targets.items():
        if TargetId(key).variant not in variants and (item.image, item.exact) not in exact:
            rolling = tuple(tag for tag in item.rolling if (item.image, tag) not in taken)
            targets[key] = replace(item, rolling=rolling)
    since = {
        key: variant
        for key, variant in current.variants.items()
        if key not in variants and all(item in targets for item in variant.targets.values())
    }
    return targets, {**old.variants, **since}


def _latest(names: tuple[str, ...]) -> str:
    """A hint with the newest releases."""
    if not names:
        return "nothing is released: `builder weekly`"
    return f"the latest: {', '.join(reversed(names[-_SHOWN:]))}"
