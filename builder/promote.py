"""The release: what passed becomes what is offered.

In this order: chart packages, the record, `current` (the one commit point), then tags, then the
chart repository's index. What comes after the commit point can be done again from the record, by
whoever comes next; nothing is offered by halves before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from builder import release
from builder.chart_artifact import package_in
from builder.charting import chart_place, files_of
from builder.errors import ConflictError, StepError, raise_all
from builder.events import Noted, Result
from builder.lock import dump as dump_lock
from builder.observe import read_record, releases_reference
from builder.offers import Offers
from builder.plan import Plan, Step, base_reference
from builder.ports import Artifact, Blob, Images, Store
from builder.reference import Reference
from builder.reference import parse as parse_reference
from builder.release import Record, ReleasedChart
from builder.render.chart_version import chart_fingerprint, value_types
from builder.work import Work

_AT_ONCE = 8


class Move(NamedTuple):
    """A tag and what it is to name. `kind` is immutable or rolling.

    `manifests` are, by platform, what the source is an index of; none: it is a manifest.
    """

    source: Reference
    place: Reference
    kind: str
    manifests: Mapping[str, str] = {}


class Promotion:
    """The step of kind `release`. `blocked` maps a step that did not pass to why."""

    def __init__(self, *, work: Work, store: Store, images: Images) -> None:
        self._work = work
        self._store = store
        self._images = images
        self._records = releases_reference(work.catalog)

    def release(self, step: Step, blocked: Mapping[str, str]) -> Result:
        """Promote what the registry has of this plan. The detail is of the record."""
        plan = self._work.plan
        current = self._records.with_tag(release.CURRENT)
        previous = read_record(self._store, current)
        if previous and step.action == "keep":
            self.converge(previous)
            return Result(
                step=step.id, status="reused", reason=step.reason, detail=_detail(previous)
            )
        record = self._record(plan, previous, blocked)
        if previous and previous.release == record.release:
            # Of an earlier try of this step, that got as far as the commit point.
            if not release.same_content(previous, record):
                raise self._taken(record)
            self.converge(previous)
            return Result(step=step.id, status="done", reason=step.reason, detail=_detail(previous))
        if not record.targets:
            raise StepError("nothing passed, so there is nothing to release")
        held = read_record(self._store, self._records.with_tag(record.release))
        # The same one is that of an earlier try, which did not get further.
        if held is not None and release.dump(held) != release.dump(record):
            raise self._taken(record)
        self._check_immutable(record)
        self._note(step, f"recording {record.release}")
        self._store.put(self._artifact(record), self._records.with_tag(record.release))
        self._store.copy(self._records.with_tag(record.release), current)
        self._note(step, "moving tags")
        self.converge(record)
        return Result(step=step.id, status="done", reason=step.reason, detail=_detail(record))

    def converge(self, record: Record) -> None:
        """Make every tag of a record name its digest, in every registry. Idempotent."""
        groups: dict[str, list[Move]] = {}
        for move in self.tags(record):
            groups.setdefault(move.place.name, []).append(move)
        # One at a time in each repository: registries on plain files write a manifest's link
        # again with each of its tags, and answer 500 to who reads it just then.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._move_all, groups.values()))

    def tags(self, record: Record) -> list[Move]:
        """Every tag that a record stands for: charts and what never moves first."""
        matrix = self._work.catalog.matrix
        moves: list[Move] = []
        for host in map(matrix.host, matrix.registries):
            for name, chart in record.charts.items():
                image = f"{release.CHARTS}/{name}"
                source = parse_reference(matrix.repository_of(image))
                place = parse_reference(matrix.repository_of(image, host))
                digest = chart.listed[chart.version]["manifest"]
                moves.append(Move(source.at(digest), place.with_tag(chart.version), "immutable"))
            moves += self._image_tags(record, host)
        return sorted(moves, key=lambda move: move.kind)

    def _image_tags(self, record: Record, host: str) -> Iterator[Move]:
        """Tags of manifests, and of the indexes of cells of several platforms."""
        matrix = self._work.catalog.matrix
        inside = {key for cell in record.cells.values() for key in cell.targets.values()}
        for key, target in record.targets.items():
            source = parse_reference(matrix.repository_of(target.image)).at(target.digest)
            place = parse_reference(matrix.repository_of(target.image, host))
            fixed = target.immutable(record.release)
            kinds = dict.fromkeys(fixed[:1] if key in inside else fixed, "immutable")
            kinds |= dict.fromkeys(() if key in inside else target.rolling, "rolling")
            if target.publish:
                for tag, kind in kinds.items():
                    yield Move(source, place.with_tag(tag), kind)
        for key, cell in record.cells.items():
            target = record.targets[next(iter(cell.targets.values()))]
            source = parse_reference(matrix.repository_of(target.image)).at(cell.digest)
            place = parse_reference(matrix.repository_of(target.image, host))
            kinds = dict.fromkeys(cell.immutable(target.exact, record.release), "immutable")
            kinds |= dict.fromkeys(target.rolling, "rolling")
            for tag, kind in kinds.items():
                yield Move(source, place.with_tag(tag), kind, record.manifests(key))

    def _move_all(self, moves: Sequence[Move]) -> None:
        for move in moves:
            if self._store.digest(move.place) == move.source.digest:
                continue
            if move.manifests and self._store.digest(move.source) is None:
                # A registry may have dropped what no tag named yet.
                self._images.put_index(move.manifests, move.source)
            self._store.copy(move.source, move.place)

    def _taken(self, record: Record) -> ConflictError:
        return ConflictError(
            f"release {record.release} exists already, with other content",
            hint="another run made it meanwhile; plan again",
        )

    def _check_immutable(self, record: Record) -> None:
        """Raise ConflictError where a tag that never moves names something else."""
        fixed = [move for move in self.tags(record) if move.kind == "immutable"]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            held = pool.map(lambda move: self._store.digest(move.place), fixed)
            errors = [
                ConflictError(
                    f"{move.place} exists with another digest: {digest[:19]}, not"
                    f" {move.source.digest[:19]}",
                    hint="it never moves; nothing was published",
                )
                for move, digest in zip(fixed, held, strict=True)
                if digest is not None and digest != move.source.digest
            ]
        raise_all(errors)

    # The record.

    def _record(self, plan: Plan, previous: Record | None, blocked: Mapping[str, str]) -> Record:
        work = self._work
        offered = Offers(
            work=work, store=self._store, images=self._images, previous=previous
        ).gather()
        charts = {
            name: chart
            for name in work.catalog.matrix.charts
            if (chart := self._chart(name, plan, previous)) is not None
        }
        return Record(
            catalog=work.catalog.matrix.name,
            release=plan.release,
            previous=previous.release if previous else None,
            lock=json.loads(dump_lock(work.lock)),
            targets=offered.targets,
            charts=charts,
            bases=self._bases(),
            blocked={**blocked, **offered.waiting},
            cells=offered.cells,
        )

    def _chart(self, name: str, plan: Plan, previous: Record | None) -> ReleasedChart | None:
        """What is offered of a chart: the package that passed its checks now, or the one before."""
        item = plan.charts.get(name)
        old = previous.charts.get(name) if previous else None
        if item is None or item.action != "package":
            return old
        files = files_of(self._work.catalog, name, item.images, item.version)
        place = chart_place(self._work.catalog, name, files, item.version)
        manifest = self._store.digest(place)
        package = self._store.get(place) if manifest else None
        if manifest is None or package is None:
            return old
        listed = dict(old.listed) if old else {}
        listed[item.version] = {
            "manifest": manifest,
            "digest": package_in(package, str(place)).digest,
            "created": f"{plan.release.replace('.', '-', 2)[:10]}T00:00:00Z",
        }
        return ReleasedChart(
            version=item.version,
            fingerprint=chart_fingerprint(files),
            images=item.images,
            values=value_types(files),
            listed=listed,
        )

    def _bases(self) -> dict[str, str]:
        work = self._work
        places = {
            base.id: base_reference(base, work.catalog, work.lock)
            for base in work.expansion.bases.values()
            if base.id in work.lock.bases
        }
        found = {key: self._store.digest(place) for key, place in places.items()}
        return {key: digest for key, digest in found.items() if digest}

    def _artifact(self, record: Record) -> Artifact:
        return Artifact(
            kind=release.KIND,
            files={release.FILE: Blob(kind="application/json", data=release.dump(record))},
        )

    def _note(self, step: Step, text: str) -> None:
        self._work.listen(Noted(step=step.id, text=text))


def _detail(record: Record) -> dict[str, object]:
    detail: dict[str, object] = {
        "release": record.release,
        "previous": record.previous,
        "targets": len(record.targets),
        "charts": {name: chart.version for name, chart in record.charts.items()},
    }
    waiting = {key[5:]: why for key, why in record.blocked.items() if key.startswith("cell:")}
    return detail | ({"waiting": waiting} if waiting else {})


def blocked_steps(results: Iterable[Result]) -> dict[str, str]:
    """Why each step that did not pass did not, in one line."""
    return {
        result.step: result.reason.splitlines()[0]
        for result in results
        if result.status in {"failed", "blocked", "skipped"} and result.reason
    }
