"""Convert chart packages to and from artifacts as Helm stores them in a registry.

`helm pull oci://…` takes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from builder.catalog.models import Matrix
from builder.charts.catalog_stack import without_catalogs
from builder.charts.package import ChartPackage, pack
from builder.charts.semver import about
from builder.common.errors import ConfigError, ConflictError, DifferenceError, StepError
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry.interfaces import Artifact, Blob, Registry
from builder.registry.release_record import CHARTS, ReleasedChart

CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"


def chart_artifact(package: ChartPackage, provenance: bytes = b"") -> Artifact:
    """Return a package, with its signature if it has one, as Helm stores it in a registry."""
    files = {f"{package.name}.tgz": Blob(kind=CONTENT, data=package.data)}
    if provenance:
        files[f"{package.name}.tgz.prov"] = Blob(kind=PROVENANCE, data=provenance)
    config = json.dumps(package.metadata, sort_keys=True).encode()
    return Artifact(kind=CONFIG, config=config, files=files)


def package_in(artifact: Artifact, reference: str) -> ChartPackage:
    """Return the package of the chart at `reference`. Raises ConfigError if it is not a chart."""
    packages = [blob.data for blob in artifact.files.values() if blob.kind == CONTENT]
    if len(packages) != 1:
        raise ConfigError(f"{reference} is not a chart")
    return ChartPackage(data=packages[0])


def released_package(
    name: str, chart: ReleasedChart, *, matrix: Matrix, store: Registry, version: str = ""
) -> ChartPackage:
    """Return the package of a chart in a release, or of another listed version.

    Raises StepError if it is gone, ConflictError if it is not the package that the release lists.
    """
    number = version or chart.version
    repository = parse_reference(matrix.repository_of(f"{CHARTS}/{name}"))
    listed = chart.listed[number]
    manifest = repository.at(listed["manifest"])
    artifact = store.get(manifest)
    if artifact is None:
        raise StepError(f"chart {name} {number} no longer exists in {matrix.registry}")
    package = package_in(artifact, str(manifest))
    if package.digest != listed["digest"]:
        raise ConflictError(
            f"{manifest} is not the package of chart {name} {number} that the release lists",
            hint=f"listed {listed['digest']}, found {package.digest}",
        )
    return package


def package_at(
    store: Registry, reference: Reference, files: Mapping[str, bytes], *, derived: str = ""
) -> tuple[str, ChartPackage] | None:
    """Return the digest of the manifest at a reference, and its package; None where there is none.

    Anybody can compute the tag. Raises DifferenceError unless the package has just these files.
    One that differs in the file `derived` alone, or was made from other catalogs, is none.
    """
    digest = store.digest(reference)
    artifact = store.get(reference.at(digest)) if digest else None
    if digest is None or artifact is None:
        return None
    try:
        package = package_in(artifact, str(reference))
        is_same, found = _is_same(package.files, files, derived), package.digest
    except ConfigError as error:
        is_same, found = False, error.message
    if is_same is None:
        return None
    if not is_same:
        own = ChartPackage(data=pack(str(about(files)["name"]), files)).digest
        raise DifferenceError(
            f"{reference} exists with another package: {found}, and this catalog makes {own}",
            hint="it stays: find out who pushed it, remove it from the registry, and run it again",
        )
    return digest, package


def _is_same(found: Mapping[str, bytes], files: Mapping[str, bytes], derived: str) -> bool | None:
    """Whether two packages have the same files; None if they differ in what is derived alone."""
    if found == files:
        return True
    others = (
        {path: data for path, data in without_catalogs(it).items() if path != derived}
        for it in (found, files)
    )
    return None if next(others) == next(others) and derived else False
