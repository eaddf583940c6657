"""The schema of report.json, and a check of a report against it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from pydantic import TypeAdapter

import builder.report.document
from builder.report.document import FORMAT, Report

SCHEMA = Path(builder.report.document.__file__).with_name("report.schema.json")


def generated() -> str:
    """Return the schema as the dataclasses have it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TypeAdapter(Report).json_schema(mode="serialization"),
    }
    for kind in (schema, *schema["$defs"].values()):
        kind["additionalProperties"] = False
        kind["required"] = list(kind["properties"])
    schema["properties"]["format"] = {"const": FORMAT}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def check_report(text: str) -> None:
    """Raise ValidationError where a text is no report."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(text), schema, jsonschema.Draft202012Validator)
