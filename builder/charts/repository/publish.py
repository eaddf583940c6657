"""Publishes what a release offers of charts to a repository, which decides their versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.catalog.models import Matrix
from builder.charts.next_version import ChartChange, publish_as
from builder.charts.package import ChartPackage
from builder.charts.repository.backends import Publication, write_packages
from builder.charts.repository.index import INDEX, Entries, merge_index, read_index, without
from builder.charts.repository.oci_artifact import released_package
from builder.charts.repository.signing import Sign
from builder.charts.semver import is_lower
from builder.common.errors import BuilderError, raise_all
from builder.common.filelock import exclusive_lock
from builder.common.files import write
from builder.common.parallel import by_item
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, moment


class Repository(Protocol):
    """Where charts are published. Each raises ConfigError, ConflictError, StepError."""

    def newest(self, name: str) -> ChartPackage | None:
        """The version of a chart that is installed where none is named, or None."""

    def highest(self, name: str) -> str:
        """Return the highest version of a chart, a pre-release too, or nothing."""

    def has_signed(self, package: ChartPackage) -> bool:
        """Whether nothing is left to be signed of what it holds."""

    def add(self, publications: Sequence[Publication], *, generated: str) -> None:
        """Publish all, or change nothing that anybody reads."""


@dataclass(frozen=True, kw_only=True)
class Released:
    """What the current release offers of charts, in the registry that it is in."""

    record: Record
    matrix: Matrix
    store: Registry

    @property
    def moment(self) -> str:
        """When it was released, as an index says it."""
        return moment(self.record.release)

    def package(self, name: str, version: str = "") -> ChartPackage:
        """The package of a chart. Raises StepError where it is gone."""
        chart = self.record.charts[name]
        return released_package(name, chart, matrix=self.matrix, store=self.store, version=version)

    def publish(
        self, names: Sequence[str], repository: Repository, sign: Sign | None = None
    ) -> dict[str, ChartChange]:
        """Publish charts; what became of each, by name.

        Nothing is published where one of them cannot be.
        """
        decided = self._decide(names, repository)
        publications = []
        for name, (change, package) in decided.items():
            if change.action == "package" or (sign and not repository.has_signed(package)):
                times = {it["digest"]: it["created"] for it in self._listed(name).values()}
                publication = Publication(
                    package=package,
                    created=times.get(package.digest, self.moment),
                    provenance=sign(package) if sign else b"",
                )
                publications.append(publication)
        repository.add(publications, generated=self.moment)
        return {name: change for name, (change, _) in decided.items()}

    def _decide(
        self, names: Sequence[str], repository: Repository
    ) -> dict[str, tuple[ChartChange, ChartPackage]]:
        """What becomes of each. Raises every independent error."""

        def decide(name: str) -> tuple[ChartChange, ChartPackage] | BuilderError:
            listed = {item["digest"] for item in self._listed(name).values()}
            try:
                held = repository.newest(name)
                return publish_as(
                    self.package(name),
                    listed=listed,
                    held=held,
                    above="" if held else repository.highest(name),
                )
            except BuilderError as error:
                return error

        found = by_item(decide, names)
        raise_all([item for item in found.values() if isinstance(item, BuilderError)])
        return {name: it for name, it in found.items() if not isinstance(it, BuilderError)}

    def _listed(self, name: str) -> Mapping[str, Mapping[str, str]]:
        return self.record.charts[name].listed


def publish_index(released: Released, folder: Path, *, keeps: Collection[str] | None = None) -> int:
    """Make `folder` a chart repository that lists all that releases have; how many packages.

    Packages that are missing come from the registry; the index is last, by rename. What the
    release retired is no longer listed. `keeps` are the charts that stay listed although the
    release lacks them; None: all.
    """
    publications = []
    for name, chart in released.record.charts.items():
        for version, held in chart.listed.items():
            file = folder / f"{name}-{version}.tgz"
            data = file.read_bytes() if file.is_file() else b""
            package = ChartPackage(data=data)
            if package.digest != held["digest"]:
                package = released.package(name, version)
            publications.append(Publication(package=package, created=held["created"]))
    index = folder / INDEX
    with exclusive_lock(folder):
        write_packages(folder, publications)
        old = index.read_bytes() if index.is_file() else None
        entries = [item.entry for item in publications]
        merged = merge_index(old, entries, generated=released.moment, file=str(index))
        gone = _retired(read_index(merged), released.record, keeps)
        write(index, without(merged, gone, generated=released.moment))
        for name, versions in gone.items():
            for version in versions:
                (folder / f"{name}-{version}.tgz").unlink(missing_ok=True)
    return len(publications)


def _retired(
    entries: Entries, record: Record, keeps: Collection[str] | None
) -> dict[str, list[str]]:
    """Listed versions that a record retired: lower than its own, so that a newer one's stay."""
    found: dict[str, list[str]] = {}
    for name, versions in entries.items():
        numbers = [str(item["version"]) for item in versions]
        if name in record.charts:
            chart = record.charts[name]
            found[name] = [
                version
                for version in numbers
                if version not in chart.listed and is_lower(version, chart.version)
            ]
        elif keeps is not None and name not in keeps:
            found[name] = numbers
    return found
