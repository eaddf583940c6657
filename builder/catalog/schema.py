"""The JSON schemas of a catalog's files, for editors: made of the models, and committed."""

from __future__ import annotations

import json

from pydantic import TypeAdapter

from builder.catalog.models import ChartFile, FeatureFile, Matrix, RecipeFile, UpstreamChartFile
from builder.catalog.services import ServiceTable

SCHEMAS: dict[str, type] = {
    "matrix.schema.json": Matrix,
    "recipe.schema.json": RecipeFile,
    "chart.schema.json": ChartFile,
    "feature.schema.json": FeatureFile,
    "upstream.schema.json": UpstreamChartFile,
    "services.schema.json": ServiceTable,
}


def json_schema(name: str) -> str:
    """Return the text of one of SCHEMAS, as it is committed under builder/catalog/."""
    schema = TypeAdapter(SCHEMAS[name]).json_schema(by_alias=True)
    extensions = {"^x-": {"description": "the author's own, e.g. for anchors: it is not read"}}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    schema["patternProperties"] = extensions
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
