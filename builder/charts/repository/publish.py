"""Publish the charts of a release to a repository, whose newest versions decide theirs."""

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
from builder.common.limits import safe_join
from builder.common.parallel import by_item
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, moment


class Repository(Protocol):
    """A repository of charts. Every method raises ConfigError, ConflictError, StepError."""

    def newest(self, name: str) -> ChartPackage | None:
        """Return the version of a chart that Helm installs by default, or None."""

    def highest(self, name: str) -> str:
        """Return the highest version of a chart, pre-releases included, or ""."""

    def has_signed(self, package: ChartPackage) -> bool:
        """Whether a package in the repository needs no signature from us."""

    def add(self, publications: Sequence[Publication], *, generated: str) -> None:
        """Publish all packages, or change nothing that anybody reads."""


@dataclass(frozen=True, kw_only=True)
class Released:
    """The charts of the current release, in its registry."""

    record: Record
    matrix: Matrix
    store: Registry

    @property
    def moment(self) -> str:
        """Return when it was released, as an index has it."""
        return moment(self.record.release)

    def package(self, name: str, version: str = "") -> ChartPackage:
        """Return the package of a chart. Raises StepError if it is gone."""
        chart = self.record.charts[name]
        return released_package(name, chart, matrix=self.matrix, store=self.store, version=version)

    def publish(
        self, names: Sequence[str], repository: Repository, sign: Sign | None = None
    ) -> dict[str, ChartChange]:
        """Publish charts; return the change of each, by name.

        Nothing is published if one of them cannot be.
        """
        decided = self._decide(names, repository)
        publications = []
        for name, (change, package) in decided.items():
            if change.action == "package" or (sign and not repository.has_signed(package)):
                times = {
                    version["digest"]: version["created"] for version in self._listed(name).values()
                }
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
        """Return the change and the package of each chart. Raises every independent error."""

        def decide(name: str) -> tuple[ChartChange, ChartPackage] | BuilderError:
            listed = {version["digest"] for version in self._listed(name).values()}
            try:
                newest = repository.newest(name)
                return publish_as(
                    self.package(name),
                    listed=listed,
                    installed=newest,
                    above="" if newest else repository.highest(name),
                )
            except BuilderError as error:
                return error

        results = by_item(decide, names)
        raise_all([result for result in results.values() if isinstance(result, BuilderError)])
        return {
            name: result for name, result in results.items() if not isinstance(result, BuilderError)
        }

    def _listed(self, name: str) -> Mapping[str, Mapping[str, str]]:
        return self.record.charts[name].listed


def publish_index(released: Released, folder: Path, *, keeps: Collection[str] | None = None) -> int:
    """Make `folder` a chart repository that lists all versions of the release; return how many.

    Missing packages are downloaded from the registry; the index is written last, by rename.
    Versions that the release retired are removed. `keeps` are the charts that stay listed although
    the release lacks them; None: all.
    """
    publications = []
    for name, chart in released.record.charts.items():
        for version, listed in chart.listed.items():
            file = _package_file(folder, name, version)
            data = file.read_bytes() if file.is_file() else b""
            package = ChartPackage(data=data)
            if package.digest != listed["digest"]:
                package = released.package(name, version)
            publications.append(Publication(package=package, created=listed["created"]))
    index = folder / INDEX
    with exclusive_lock(folder):
        write_packages(folder, publications)
        old = index.read_bytes() if index.is_file() else None
        entries = [publication.entry for publication in publications]
        merged = merge_index(old, entries, generated=released.moment, file=str(index))
        retired = _retired(read_index(merged), released.record, keeps)
        write(index, without(merged, retired, generated=released.moment))
        for name, versions in retired.items():
            for version in versions:
                _package_file(folder, name, version).unlink(missing_ok=True)
    return len(publications)


def _package_file(folder: Path, name: str, version: str) -> Path:
    """Return the file of a package. Raises StepError where its name leads out of the folder."""
    return safe_join(folder, f"{name}-{version}.tgz", f"chart {name} {version}")


def _retired(
    entries: Entries, record: Record, keeps: Collection[str] | None
) -> dict[str, list[str]]:
    """Return the listed versions that a record retired; they are lower than its own version.

    Higher ones are of a newer release, and stay.
    """
    retired: dict[str, list[str]] = {}
    for name, versions in entries.items():
        numbers = [str(entry["version"]) for entry in versions]
        if name in record.charts:
            chart = record.charts[name]
            retired[name] = [
                version
                for version in numbers
                if version not in chart.listed and is_lower(version, chart.version)
            ]
        elif keeps is not None and name not in keeps:
            retired[name] = numbers
    return retired
