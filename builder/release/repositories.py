"""Name the repositories in which a catalog keeps its images and charts."""

from __future__ import annotations

from collections.abc import Iterable

from builder.catalog.matrix import Matrix
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry.release_record import CHARTS

FOLDER = f"{CHARTS}/"
"""What the name of a chart's repository begins with."""


def repositories(matrix: Matrix, host: str, more: Iterable[str] = ()) -> dict[str, Reference]:
    """Return each repository of a catalog in the registry `host`, by the name of what it holds.

    Parents come before the images that are built on them: base images, images, charts, and then
    `more`, the names of what the catalog had before. Release records are not among them.
    """
    charts = [f"{FOLDER}{name}" for name in matrix.all_charts]
    names = dict.fromkeys((*matrix.base_axes, *matrix.images, *charts, *more))
    return {name: parse_reference(matrix.repository_of(name, host)) for name in names}
