"""What a chart knows of its values, so that it can put in order what was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from builder.catalog.models import Chart
from builder.charts.render.chart import render_chart
from builder.common.errors import ConfigError
from tests.fakes.chart_files import chart_feature, chart_recipe

VALUES: dict[str, object] = {
    "door": {"type": "object", "text": "Who may enter"},
    "door.open": {
        "type": "boolean", "default": True, "text": "Whether it is", "formerly": ["gate.open"],
    },
    "door.key": {
        "type": "string", "default": "a", "text": "Its key", "pattern": "^[a-z]*$",
        "formerly": ["door.lock", "gate.key"],
    },
    "door.kind": {"type": "string",
        "default": "oak", "text": "Of what", "enum": ["oak", "elm"],
        "from": "region.wood", "refilled": True, "shown_if": "door.open",
    },
    "limits.cpu": {"type": "string", "default": "1", "text": "How much"},
    "labels": {"type": "object", "default": {"a": "b"}, "text": "Labels"},
}  # fmt: skip
TEXT = (
    "{{ toYaml .Values.limits }}{{ toYaml .Values.labels }}"
    "{{ .Values.door.open }}{{ .Values.door.key | quote }}{{ .Values.door.kind | quote }}"
)
SPEC: dict[str, object] = {
    "title": "Clock", "description": "A clock", "command": ["clock"], "port": 80,
    "features": ["core"], "ignored": {"bell": "it has none"},
}  # fmt: skip
LIBRARY = {"Chart.yaml": b"apiVersion: v2\nname: lib\ntype: library\nversion: 0.3.0\n"}


def render(ignored: Mapping[str, str]) -> dict[str, bytes]:
    feature = {"values": VALUES, "ignored": ignored}
    return render_chart(
        chart=Chart(name="clock", recipe="clock", image="clock"),
        recipe=chart_recipe("clock", SPEC, None),
        features={"core": chart_feature("core", feature, {"templates/all.yaml": TEXT})},
        library=LIBRARY,
        images=("r.example/clock:1",),
        version="1.0.0",
        catalog="demo",
    )


def known() -> Any:
    return json.loads(render({"gate.bell": "rung by hand"})["values.json"])


def test_each_value_has_its_default_and_what_null_makes_it() -> None:
    assert known()["values"] == {
        "door": {"open": [True, False], "key": ["a", ""], "kind": ["oak"]},
        "limits": {"cpu": ["1"]},
        "labels": [{"a": "b"}, {}],
        "platform": {"door": {"kind": ["oak"]}},
    }


def test_a_block_that_is_handed_on_as_a_whole_is_named() -> None:
    assert known()["whole"] == ["limits"]


def test_what_moved_and_what_is_ignored() -> None:
    moves = [(".".join(move["from"]), ".".join(move["to"])) for move in known()["former"]]
    assert moves == [
        ("gate.open", "door.open"),
        ("door.lock", "door.key"),
        ("gate.key", "door.key"),
        ("platform.door.kind", "door.kind"),
    ]
    assert [move["default"] for move in known()["former"]] == [True, "a", "a", "oak"]
    assert [move["isFill"] for move in known()["former"]] == [False, False, False, True]
    assert known()["ignored"] == {"bell": "it has none", "gate.bell": "rung by hand"}
    assert known()["apart"] == ["global", "onyxia", "lib"]


def test_a_former_path_is_held_to_the_same_type_and_pattern_and_no_form_sends_it() -> None:
    schema = json.loads(render({})["values.schema.json"])
    key = {"type": ["string", "null"], "pattern": "^$|^[a-z]*$"}
    assert schema["patternProperties"]["^gate$"] == {
        "type": ["object", "null"],
        "patternProperties": {"^open$": {"type": ["boolean", "null"]}, "^key$": key},
    }
    assert schema["properties"]["door"]["patternProperties"] == {"^lock$": key}
    assert "gate" not in schema["properties"]


def test_what_is_refilled_is_filled_outside_the_form_too() -> None:
    """There it stays where a file of the platform replaces the form around the value."""
    schema = json.loads(render({})["values.schema.json"])
    assert schema["properties"]["platform"]["properties"]["door"]["properties"]["kind"] == {
        "type": "string",
        "description": "What the platform fills door.kind with, where its own form lacks that",
        "x-onyxia": {"overwriteDefaultWith": "region.wood", "hidden": True},
        "default": "oak",
        "enum": ["oak", "elm"],
    }


def test_a_feature_changes_values_of_others() -> None:
    spec = {**SPEC, "features": ["core", "paint"]}
    changes = {"door": {"title": "Painted"}, "window": {"title": "None here"}}
    files = render_chart(
        chart=Chart(name="clock", recipe="clock", image="clock"),
        recipe=chart_recipe("clock", spec, None),
        features={
            "core": chart_feature("core", {"values": VALUES}, {"templates/all.yaml": TEXT}),
            "paint": chart_feature("paint", {"changes": changes}),
        },
        library=LIBRARY,
        images=("r.example/clock:1",),
        version="1.0.0",
        catalog="demo",
    )
    properties = json.loads(files["values.schema.json"])["properties"]
    assert properties["door"]["title"] == "Painted"
    assert "window" not in properties


def test_what_is_a_value_is_not_ignored() -> None:
    with pytest.raises(ConfigError) as caught:
        render({"door": "there is none"})
    assert str(caught.value) == (
        "charts/features/core/feature.yaml: door is ignored, and a value of the chart\n"
        "  hint: take it out of `ignored`"
    )
