"""Patches of links and saved launches, and where the form fails on them."""

from __future__ import annotations

from typing import Any

import pytest

from builder.charts.onyxia.form import DELETED, Patch, form_errors, patched
from builder.common.errors import ConfigError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "colour": {"type": "string", "listEnum": ["red", "blue"], "render": "list"},
        "size": {"type": "string", "sliderMin": 1, "sliderMax": 9, "sliderUnit": "Gi"},
        "custom": {"type": "boolean"},
        "name": {"type": "string", "hidden": {"value": False, "path": "custom"}},
        "low": {
            "type": "string", "sliderMin": 1, "sliderMax": 9, "sliderUnit": "m",
            "sliderExtremity": "down", "sliderRangeId": "cpu",
        },
        "high": {
            "type": "string", "sliderMin": 1, "sliderMax": 9, "sliderUnit": "m",
            "sliderExtremity": "up", "sliderRangeId": "cpu",
        },
        "ports": {"type": "array", "items": {"type": "integer"}},
        "tag": {"type": "string", "enum": ["a"], "x-onyxia": {"hidden": True}},
        "fixed": {"const": "view"},
    },
}  # fmt: skip
VALUES: dict[str, Any] = {
    "colour": "red", "size": "2Gi", "custom": False, "name": 3, "low": "1m", "high": "2m",
    "ports": [80], "tag": "z", "fixed": "view",
}  # fmt: skip


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ([], {}),
        ([(("colour",), "blue")], {"colour": "blue"}),
        ([(("new", "deep", "a.b"), 1)], {"new": {"deep": {"a.b": 1}}}),
        ([(("ports", 0), 81), (("ports", 1), 82)], {"ports": [81, 82]}),
        ([(("ports", 0), DELETED)], {"ports": []}),
        ([(("ports", 1), DELETED)], {"ports": [80]}),
        ([(("ports", 0), DELETED), (("ports", 1), 82)], {"ports": [82]}),
        ([(("env", 0, "name"), "A"), (("env", 0, "value"), "1")],
         {"env": [{"name": "A", "value": "1"}]}),
        ([(("new",), 1), (("new",), DELETED), (("old", "key"), DELETED)], {"old": {}}),
    ],
)  # fmt: skip
def test_a_patch_is_applied(patch: Patch, changed: dict[str, Any]) -> None:
    assert patched(VALUES, patch) == {**VALUES, **changed}
    assert VALUES["ports"] == [80]


@pytest.mark.parametrize("path", [("ports", "x"), ("ports", -1), ("ports", "x", "a")])
def test_no_place(path: tuple[str | int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"the patch fails at \$\.ports.*: it is no place in"):
        patched(VALUES, [(path, 1)])


def test_the_form_shows_what_it_can() -> None:
    assert form_errors(SCHEMA, VALUES, {}) == []


@pytest.mark.parametrize(
    ("patch", "text"),
    [
        ([(("colour",), "green")], "$.colour: its value is not in the list\n"
         "  hint: set one that is, or leave it out"),
        ([(("size",), "large")], "$.size: its slider has no number\n"
         "  hint: set a number with the unit Gi"),
        ([(("custom",), True)], "$.name: it is no string\n  hint: set one, or leave it out"),
        ([(("ports", 0), "x")], "$.ports[0]: it is no integer\n  hint: set one, or leave it out"),
        ([(("custom",), "yes")], "$.custom: it is no boolean\n  hint: set one, or leave it out"),
    ],
)  # fmt: skip
def test_where_it_fails(patch: Patch, text: str) -> None:
    errors = form_errors(SCHEMA, patched({**VALUES}, patch), {})
    assert f"the form fails at {text}" in [str(error) for error in errors]


def test_a_range_that_ends_before_it_begins() -> None:
    errors = form_errors(SCHEMA, {**VALUES, "low": "5m"}, {})
    assert [str(error) for error in errors] == [
        "the form fails: the range cpu ends at 2, below its beginning"
    ]
