"""The schema of report.json, and a check of a report against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
from pydantic import TypeAdapter

import builder.report.document
from builder.diff.stacks import StackDiff
from builder.report import stacks
from builder.report.document import FORMAT, Report

SCHEMA = Path(builder.report.document.__file__).with_name("report.schema.json")
STACK_DIFF = SCHEMA.with_name("upstream_diff.schema.json")


def generated() -> str:
    """Return the schema as the dataclasses have it."""
    return _generated(TypeAdapter(Report), {"format": {"const": FORMAT}})


def generated_of_stack_diff() -> str:
    """Return the schema of `builder upstream diff` as the dataclasses have it."""
    facts = {key: {"type": "boolean"} for key in ("nothing", "clean")}
    return _generated(TypeAdapter(StackDiff), {"format": {"const": stacks.FORMAT}, **facts})


def _generated(adapter: TypeAdapter[Any], facts: Mapping[str, object]) -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **adapter.json_schema(mode="serialization"),
    }
    schema["properties"] |= facts
    for kind in (schema, *schema["$defs"].values()):
        kind["additionalProperties"] = False
        kind["required"] = list(kind["properties"])
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def check_report(text: str) -> None:
    """Raise ValidationError where a text is no report."""
    _check(text, SCHEMA)


def check_stack_diff(text: str) -> None:
    """Raise ValidationError where a text is not what `builder upstream diff` prints."""
    _check(text, STACK_DIFF)


def _check(text: str, path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(text), schema, jsonschema.Draft202012Validator)
