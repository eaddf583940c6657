"""Which version a chart gets, decided by what it would contain. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builder.fingerprint import sha256
from builder.model import Catalog
from builder.release import ReleasedChart
from builder.render.chart import chart_fingerprint, next_version, render_chart

SCHEMA = "values.schema.json"


@dataclass(frozen=True, kw_only=True)
class ChartChange:
    """What becomes of a chart, and why."""

    action: str  # package or keep
    version: str
    reason: str


def files_of(catalog: Catalog, name: str, images: Sequence[str], version: str) -> dict[str, bytes]:
    """The files of a chart of the matrix, by path below its folder."""
    chart = catalog.matrix.charts[name]
    return render_chart(
        chart=chart,
        recipe=catalog.charts[chart.recipe],
        features=catalog.features,
        library=catalog.library,
        images=images,
        version=version,
        catalog=catalog.matrix.name,
    )
