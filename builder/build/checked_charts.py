"""Chart packages that passed their checks: the registry has each under the hash of its files.

Anybody can compute that tag, so a package there is held against the files that it must have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from builder.catalog.models import Matrix
from builder.charts.changelog import with_changelog
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.oci_artifact import package_in, released_package
from builder.common.errors import BuilderError, DifferenceError
from builder.plan.models import ChartPlan
from builder.registry.interfaces import Registry


@dataclass(frozen=True)
class CheckedChart:
    """The package of a planned chart."""

    chart_plan: ChartPlan
    matrix: Matrix
    store: Registry

    @cached_property
    def former_files(self) -> Mapping[str, bytes] | None:
        """Return the files of the released version, None if there is none."""
        chart_plan = self.chart_plan
        if chart_plan.before is None:
            return None
        return released_package(
            chart_plan.name, chart_plan.before, matrix=self.matrix, store=self.store
        ).files

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """Return the files that the package has."""
        return with_changelog(self.chart_plan.files, self.former_files)

    def in_registry(self) -> tuple[str, ChartPackage] | None:
        """Return the digest of the manifest in the registry, and the package; None without one.

        Raises DifferenceError if its files are others.
        """
        reference = self.chart_plan.reference
        digest = self.store.digest(reference)
        artifact = self.store.get(reference.at(digest)) if digest else None
        if digest is None or artifact is None:
            return None
        try:
            package = package_in(artifact, str(reference))
            is_same = package.files == self.files
            found = package.digest
        except BuilderError as error:
            is_same, found = False, error.message
        if not is_same:
            own = ChartPackage(data=pack(self.chart_plan.name, self.files))
            raise DifferenceError(
                f"{reference} exists with other content: its package is {found}, and this"
                f" catalog makes {own.digest}",
                hint="it stays: find out who pushed it, remove it from the registry, and run it"
                " again",
            )
        return digest, package
