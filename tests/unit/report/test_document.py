"""report.json has a schema, which is that of the dataclasses."""

from __future__ import annotations

import json
import os

import jsonschema
import pytest

from builder.report import weekly
from tests.fakes.catalog import Week
from tests.fakes.report import SCHEMA, STACK_DIFF, check_report, generated, generated_of_stack_diff


def test_the_schema_is_that_of_the_dataclasses() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        SCHEMA.write_text(generated(), encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == generated()


def test_the_schema_of_what_an_upstream_changes_is_that_of_the_dataclasses() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        STACK_DIFF.write_text(generated_of_stack_diff(), encoding="utf-8")
    assert STACK_DIFF.read_text(encoding="utf-8") == generated_of_stack_diff()


@pytest.mark.parametrize(
    ("key", "value"),
    [("format", 1), ("seconds", "1"), ("more", 1), ("targets", [{"id": "base/os=1"}])],
)
def test_what_is_no_report(week: Week, key: str, value: object) -> None:
    text = weekly.as_json(weekly.report_of(week.plan(), {}, 1.0, jobs=1))
    check_report(text)
    with pytest.raises(jsonschema.ValidationError):
        check_report(json.dumps({**json.loads(text), key: value}))
