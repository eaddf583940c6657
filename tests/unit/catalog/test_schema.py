"""The schemas that editors complete from are those of the code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from builder.catalog import schema
from builder.catalog.parser import parse_matrix

ROOT = Path(__file__).parents[3]
FOLDER = Path(schema.__file__).parent


@pytest.mark.parametrize("name", schema.SCHEMAS)
def test_the_committed_schema_is_that_of_the_code(name: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        (FOLDER / name).write_text(schema.json_schema(name), encoding="utf-8")
    assert (FOLDER / name).read_text(encoding="utf-8") == schema.json_schema(name)


def test_no_other_schema_is_committed() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.json")) == sorted(schema.SCHEMAS)


@pytest.mark.parametrize("name", schema.SCHEMAS)
def test_every_key_is_described(name: str) -> None:
    data = json.loads(schema.json_schema(name))
    for title, part in {name: data, **data["$defs"]}.items():
        for key, field in part["properties"].items():
            assert field.get("description"), f"{title}: {key}"


@pytest.mark.parametrize("name", ["chart.schema.json", "feature.schema.json"])
def test_every_key_of_a_chart_has_an_example(name: str) -> None:
    data = json.loads(schema.json_schema(name))
    for title, part in {name: data, **data["$defs"]}.items():
        for key, field in part["properties"].items():
            assert field.get("examples"), f"{title}: {key}"


def test_the_starter_points_its_editor_at_the_schema() -> None:
    text = (ROOT / "matrix.yaml").read_text(encoding="utf-8")
    assert text.splitlines()[0] == (
        "# yaml-language-server: $schema=builder/catalog/matrix.schema.json"
    )
    file, errors = parse_matrix(text, "matrix.yaml")
    assert file is not None
    assert errors == []
