"""What a chart of an upstream needs in our registry: its package, and its images by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.build.image_push import check_mirrored
from builder.catalog.models import Catalog
from builder.charts.helm import Helm
from builder.charts.locking.locker import refused, render, wrong_with
from builder.charts.locking.source import UpstreamPackages
from builder.charts.package import ChartPackage
from builder.charts.repository.oci_artifact import chart_artifact, package_in
from builder.charts.upstream.pins import copies, kept_tag, named
from builder.common.errors import StepError
from builder.lock.lockfile import OWN_TAG, ChartLock
from builder.network.upstreams import image_reference
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.models import ChartPlan
from builder.registry.interfaces import Registry
from builder.registry.release_record import CHARTS


def kept_package(catalog: Catalog, name: str, locked: ChartLock) -> Reference:
    """Return where our registry keeps the package of an upstream's chart."""
    repository = parse_reference(catalog.matrix.repository_of(f"{CHARTS}/{name}"))
    return repository.with_tag(f"upstream-{locked.digest.removeprefix('sha256:')[:32]}")


def package_of(store: Registry, catalog: Catalog, name: str, locked: ChartLock) -> bytes:
    """Return the package that our registry keeps. Raises StepError where it is not there."""
    reference = kept_package(catalog, name, locked)
    artifact = store.get(reference)
    if artifact is None:
        raise StepError(f"{reference} is not in the registry", hint=f"builder build -s {name}")
    return package_in(artifact, str(reference)).data


@dataclass(frozen=True, kw_only=True)
class UpstreamCopies:
    """Copies what upstreams have to our registry, once.

    A machine that hands over copies nothing: that which writes copies the same digests itself.
    """

    catalog: Catalog
    store: Registry
    packages: UpstreamPackages
    mirrors: Mapping[str, str]
    hands_over: bool = False

    def package(self, name: str, locked: ChartLock) -> bytes:
        """Return the package of a chart, which a machine that hands over may not have kept."""
        if self.hands_over and self.store.digest(kept_package(self.catalog, name, locked)) is None:
            return self.packages.package(locked)
        return package_of(self.store, self.catalog, name, locked)

    def bring(self, chart_plan: ChartPlan, locked: ChartLock) -> None:
        """Copy the package and the images of a chart, each by its digest.

        Raises DifferenceError where a tag of ours names another image.
        """
        if self.hands_over:
            return
        reference = kept_package(self.catalog, chart_plan.name, locked)
        if self.store.digest(reference) is None:
            package = ChartPackage(data=self.packages.package(locked))
            self.store.put(chart_artifact(package), reference)
        for text, copy in copies(locked, self.catalog.matrix.repository_of).items():
            source = image_reference(named(text).name, self.mirrors).at(copy.digest)
            tags = [kept_tag(copy)]
            tags += [copy.with_tag(copy.tag)] if locked.pin == OWN_TAG else []
            for tag in tags:
                found = self.store.digest(tag)
                check_mirrored(tag, found, copy.digest)
                if found is None:
                    self.store.copy(source, tag)
                source = tag.at(copy.digest)


def check_rendered(
    helm: Helm, catalog: Catalog, name: str, locked: ChartLock, folder: Path
) -> None:
    """Raise StepError where a chart renders what needs more than a namespace, or others' images."""
    wrong = wrong_with(render(helm, folder), locked, catalog.matrix.repository_of)
    if wrong:
        raise refused(name, wrong)
