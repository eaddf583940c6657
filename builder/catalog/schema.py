"""The JSON schemas of a catalog's files, for editors: made of the models, and committed."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from builder.catalog.merge import MergedDocument
from builder.catalog.models import (
    Catalog,
    ChartFile,
    FeatureFile,
    Matrix,
    RecipeFile,
    UpstreamChartFile,
)
from builder.catalog.overlay_schema import Names, overlaid, with_names
from builder.catalog.services import ServiceTable

OVERLAY = "overlay.schema.json"
SCHEMAS: dict[str, type] = {
    "matrix.schema.json": Matrix,
    OVERLAY: Matrix,
    "recipe.schema.json": RecipeFile,
    "chart.schema.json": ChartFile,
    "feature.schema.json": FeatureFile,
    "upstream.schema.json": UpstreamChartFile,
    "services.schema.json": ServiceTable,
}


def json_schema(name: str) -> str:
    """Return the text of one of SCHEMAS, as it is committed under builder/catalog/."""
    return _text(_schema(name))


def names_of(catalog: Catalog, document: MergedDocument) -> Names:
    """Return the names that the matrix.yaml of a catalog may write; `document` is that file."""
    described = [item.values for item in catalog.features.values()]
    described += [item.values for item in catalog.charts.values()]
    former = {
        path for values in described for spec in values.values() for path in spec.formerly or ()
    }
    matrix = catalog.matrix
    axes = {axis: [value.name for value in values] for axis, values in matrix.axes.items()}
    for axis in document.removed_names(("axes",)):
        axes[axis] = []
    return Names(
        axes={
            axis: (*values, *document.removed_names(("axes", axis)))
            for axis, values in axes.items()
        },
        images=(*matrix.images, *document.removed_names(("images",))),
        charts=(*matrix.all_charts, *document.removed_names(("charts",))),
        features=tuple(catalog.features),
        values=tuple(sorted(former.union(*described))),
        patches=(*matrix.patches, *document.removed_names(("patches",))),
    )


def overlay_schema(names: Names) -> str:
    """Return the schema of a matrix.yaml with `extends` as text, with the names of a catalog."""
    return _text(with_names(_schema(OVERLAY), names))


def _schema(name: str) -> dict[str, Any]:
    schema = TypeAdapter(SCHEMAS[name]).json_schema(by_alias=True)
    extensions = {"^x-": {"description": "the author's own, e.g. for anchors: it is not read"}}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    schema["patternProperties"] = extensions
    return overlaid(schema) if name == OVERLAY else schema


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
