"""Chart packages that passed their checks: the registry has each under the hash of its files.

Anybody can compute that tag, so a package there is held against the files that it must have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from builder.catalog.models import Matrix
from builder.charts.changelog import with_changelog
from builder.charts.package import ChartPackage
from builder.charts.repository.oci_artifact import package_at, released_package
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
        return package_at(self.store, self.chart_plan.reference, self.files)
