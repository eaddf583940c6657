"""Chart packages that passed their checks: the registry has each under the hash of its files.

Anybody can compute that tag, so a package there is held against the files that it must have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from builder.build.run_context import RunContext
from builder.build.upstream_charts import package_of
from builder.charts.catalog_stack import with_catalogs
from builder.charts.changelog import with_changelog
from builder.charts.image_table import with_images
from builder.charts.package import ChartPackage
from builder.charts.repository.oci_artifact import package_at, released_package
from builder.charts.semver import IMAGES
from builder.charts.upstream.chart import with_package
from builder.common.errors import StepError
from builder.lock.lockfile import ChartLock
from builder.oci.reference import parse
from builder.plan.image_check import ImageCheck
from builder.plan.models import ChartPlan, reference
from builder.registry.interfaces import Registry


@dataclass(frozen=True)
class CheckedChart:
    """The package of a planned chart.

    `package` returns that of the upstream's chart in it, in the place of the registry.
    """

    context: RunContext
    store: Registry
    chart_plan: ChartPlan
    package: Callable[[str, ChartLock], bytes] | None = None

    @cached_property
    def former_files(self) -> Mapping[str, bytes] | None:
        """Return the files of the released version, None if there is none."""
        chart_plan = self.chart_plan
        if chart_plan.before is None:
            return None
        matrix = self.context.catalog.matrix
        return released_package(
            chart_plan.name, chart_plan.before, matrix=matrix, store=self.store
        ).files

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """Return the files that the package has, but for the digests of its images."""
        files: Mapping[str, bytes] = self.chart_plan.files
        if self.upstream is not None:
            package = self.package or partial(package_of, self.store, self.context.catalog)
            files = with_package(files, package(self.chart_plan.name, self.upstream))
        return with_changelog(files, self.former_files)

    @property
    def upstream(self) -> ChartLock | None:
        """Return the upstream's chart that it is made of, if it is of one."""
        return self.context.lock.charts.get(self.chart_plan.name)

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Return the digest that each image is released with; its tag is written with the release.

        Raises StepError where one is missing, DifferenceError where it is not believed.
        """
        context, chart_plan = self.context, self.chart_plan
        images = ImageCheck(
            self.store,
            context.catalog.matrix.repository_of,
            takes_chroot=context.takes_chroot,
            trust=context.trust,
        )
        variants: dict[str, dict[str, str]] = {}
        for target_id in chart_plan.variants:
            target, fingerprint = (
                context.expansion.targets[target_id],
                context.fingerprints[target_id],
            )
            image = reference(target, context.catalog, fingerprint)
            digest = self.store.digest(image)
            if digest is None:
                raise StepError(
                    f"chart {chart_plan.name}: image {image} not found in the registry",
                    hint=f"builder build -s {target_id}",
                )
            images.check(image, digest, fingerprint.digest, target_id)
            variants.setdefault(target.variant.id, {})[target.platform] = digest
        return {
            image: next(iter(manifests.values()))
            if len(manifests) == 1
            else self.store.put_index(manifests, parse(image))
            for image, manifests in zip(chart_plan.images, variants.values(), strict=True)
        }

    @property
    def packaged_files(self) -> dict[str, bytes]:
        """Return all files that the package has. The values of an upstream's name digests."""
        files = with_catalogs(self.files, self.context.project.stack)
        return files if self.upstream is not None else with_images(files, self.digests)

    def found(self) -> bool:
        """Whether the registry has the package, on the same images.

        Raises DifferenceError if it has another one.
        """
        reference = self.chart_plan.reference
        if self.store.digest(reference) is None:
            return False
        files = self.packaged_files
        return package_at(self.store, reference, files, derived=IMAGES) is not None

    def released(self) -> tuple[str, ChartPackage] | None:
        """Return the digest of the manifest in the registry, and the package; None without one.

        Raises DifferenceError if it is another one.
        """
        reference = self.chart_plan.reference
        if self.store.digest(reference) is None:
            return None
        return package_at(self.store, reference, self.packaged_files)
