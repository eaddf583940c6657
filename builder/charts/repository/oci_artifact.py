"""A chart's package as Helm itself keeps it in a registry, so that `helm pull oci://…` takes it."""

from __future__ import annotations

import json

from builder.catalog.models import Matrix
from builder.charts.package import ChartPackage
from builder.common.errors import ConfigError, StepError
from builder.oci.reference import parse as parse_reference
from builder.registry.interfaces import Artifact, Blob, Registry
from builder.registry.release_record import CHARTS, ReleasedChart

CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"


def chart_artifact(package: ChartPackage, provenance: bytes = b"") -> Artifact:
    """A package, with what signs it where that is given, as Helm keeps it in a registry."""
    files = {f"{package.name}.tgz": Blob(kind=CONTENT, data=package.data)}
    if provenance:
        files[f"{package.name}.tgz.prov"] = Blob(kind=PROVENANCE, data=provenance)
    config = json.dumps(package.metadata, sort_keys=True).encode()
    return Artifact(kind=CONFIG, config=config, files=files)


def package_in(artifact: Artifact, place: str) -> ChartPackage:
    """The package of a chart that is at `place`. Raises ConfigError where it is something else."""
    found = [blob.data for blob in artifact.files.values() if blob.kind == CONTENT]
    if len(found) != 1:
        raise ConfigError(f"{place} is not a chart")
    return ChartPackage(data=found[0])


def released_package(
    name: str, chart: ReleasedChart, *, matrix: Matrix, store: Registry, version: str = ""
) -> ChartPackage:
    """The package that a release offers, or of another version of it. Raises StepError."""
    number = version or chart.version
    repository = parse_reference(matrix.repository_of(f"{CHARTS}/{name}"))
    place = repository.at(chart.listed[number]["manifest"])
    artifact = store.get(place)
    if artifact is None:
        raise StepError(f"chart {name} {number} is gone from {matrix.registry}")
    return package_in(artifact, str(place))
