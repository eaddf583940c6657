"""Locks a chart of an upstream: its version, its images by digest, and how its values pin them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from builder.catalog.models import Catalog, Chart, UpstreamChartRecipe
from builder.catalog.yaml_document import load_as_helm
from builder.charts.helm import Helm
from builder.charts.locking.source import UpstreamPackages
from builder.charts.package import unpack
from builder.charts.semver import FIRST
from builder.charts.upstream.chart import files_of_upstream, unread, with_package
from builder.charts.upstream.pins import can_pin, copies, named, unpinned
from builder.charts.upstream.references import images_in
from builder.charts.upstream.rules import RELEASES, packaged_problems, problems
from builder.common.errors import StepError
from builder.common.files import write_tree
from builder.common.mappings import mapping
from builder.lock.lockfile import PINS, ChartLock
from builder.network.upstreams import image_reference
from builder.oci.reference import Reference
from builder.registry.interfaces import Registry

NAMESPACE = "default"


@dataclass(frozen=True, kw_only=True)
class ChartLocker:
    """Locks charts of a catalog. `packages` finds them, and `registry` their images."""

    catalog: Catalog
    helm: Helm
    packages: UpstreamPackages
    registry: Registry
    mirrors: Mapping[str, str]

    def lock(self, name: str) -> ChartLock:
        """Return the entry of a chart. Raises StepError with all that is wrong with it."""
        chart = self.catalog.matrix.upstream_charts[name]
        recipe = self.catalog.upstream_charts[chart.recipe]
        assert chart.upstream is not None
        found = self.packages.newest(chart.upstream)
        package = self.packages.package(found)
        files = unpack(package)
        wrong = [*packaged_problems(files), *unread(recipe, _values(files))]
        if wrong:
            raise refused(name, wrong)
        # Whatever the values say of images: those that upstream names by itself.
        manifests = self._render(chart, recipe, replace(found, pin=PINS[-1]), package)
        images = [image.text for image in images_in(manifests[0])]
        # In the order of the written lock: the files of our chart follow it.
        digests = {text: self._digest(text) for text in sorted({*images, *recipe.started})}
        return self._pinned(chart, recipe, replace(found, images=digests), package)

    def _pinned(
        self, chart: Chart, recipe: UpstreamChartRecipe, found: ChartLock, package: bytes
    ) -> ChartLock:
        """Return the entry with the first way to pin that the chart takes."""
        fewest: list[str] | None = None
        for pin in PINS:
            if not can_pin(recipe, pin):
                continue
            candidate = replace(found, pin=pin)
            try:
                manifests = self._render(chart, recipe, candidate, package)
                wrong = list(wrong_with(manifests, candidate, self.catalog.matrix.repository_of))
            except StepError as error:  # it reads the tag as a version, and this is none
                wrong = [f"pinned by {pin}: {error.message}"]
            if not wrong:
                return candidate
            fewest = wrong if fewest is None or len(wrong) < len(fewest) else fewest
        raise refused(chart.name, fewest or ["its values cannot pin an image"])

    def _render(
        self, chart: Chart, recipe: UpstreamChartRecipe, locked: ChartLock, package: bytes
    ) -> tuple[str, str]:
        files = files_of_upstream(
            chart=chart,
            recipe=recipe,
            locked=locked,
            repository_of=self.catalog.matrix.repository_of,
            version=FIRST,
            catalog=self.catalog.matrix.name,
        )
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / chart.name
            write_tree(folder, with_package(files, package))
            return render(self.helm, folder)

    def _digest(self, text: str) -> str:
        """Return the digest that an image has now. Raises StepError where there is none."""
        upstream = named(text)
        image = _at(image_reference(upstream.name, self.mirrors), upstream)
        digest = self.registry.digest(image)
        if digest is None:
            raise StepError(f"the image {text} is not in its registry")
        return digest


def render(helm: Helm, folder: Path) -> tuple[str, str]:
    """Return what a chart renders for RELEASES. Raises StepError."""
    first, second = (
        helm.template(folder, release=release, namespace=NAMESPACE) for release in RELEASES
    )
    return first, second


def wrong_with(
    manifests: tuple[str, str], locked: ChartLock, repository_of: Callable[[str], str]
) -> list[str]:
    """Return what is wrong with what a chart renders for RELEASES: rights, names, images."""
    own = copies(locked, repository_of)
    return [*problems(*manifests, NAMESPACE), *unpinned(manifests[0], own, locked.pin)]


def refused(name: str, wrong: list[str]) -> StepError:
    """Return the error of a chart that cannot be offered."""
    listed = "\n".join(f"  {line}" for text in dict.fromkeys(wrong) for line in text.splitlines())
    return StepError(
        f"chart {name} cannot be offered as upstream makes it\n{listed}",
        hint="`values` of its upstream.yaml may turn that off; `images` says where images are set",
    )


def _at(repository: Reference, upstream: Reference) -> Reference:
    if upstream.digest:
        return repository.at(upstream.digest)
    return repository.with_tag(upstream.tag or "latest")


def _values(files: Mapping[str, bytes]) -> Mapping[str, object]:
    """Return the values.yaml of a package. Raises ConfigError where it is no YAML."""
    text = files.get("values.yaml", b"{}").decode(errors="replace")
    return mapping(load_as_helm(text, "values.yaml of upstream")[0].data)
