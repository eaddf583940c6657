"""Values that the matrix fixes: const in the schema, out of the form, and nothing else is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from builder.catalog.models import Chart
from builder.charts.changelog import changes
from builder.charts.render.chart import render_chart
from builder.charts.semver import bump, value_types
from builder.common.errors import ConfigError, Problems
from tests.fakes.chart_files import chart_feature, chart_recipe

VALUES: dict[str, object] = {
    "image": {"type": "string", "default": "$default_image", "text": "What runs"},
    "role": {"type": "object", "title": "Role", "text": "What it may do"},
    "role.enabled": {"type": "boolean", "default": True, "text": "Whether it may"},
    "role.name": {
        "type": "string", "default": "view", "enum": ["view", "edit"], "render": "list",
        "text": "What", "from": "user.role", "shown_if": "role.enabled", "formerly": ["old.role"],
        "onyxia": {"overwriteSchemaWith": "ide/role.json"},
    },
    "pod.group": {"type": "integer", "default": 100, "text": "Its group", "form": False},
    "notes": {
        "type": "array", "default": [], "also": ["object"], "text": "Notes", "form": False,
    },
}  # fmt: skip
TEXT = "{{ toJson .Values.role }}{{ toJson .Values.pod }}{{ toJson .Values.notes }}"
SPEC: dict[str, object] = {
    "title": "Clock", "description": "A clock", "command": ["clock"], "port": 80,
    "features": ["core"],
}  # fmt: skip
LIBRARY = {"Chart.yaml": b"apiVersion: v2\nname: lib\ntype: library\nversion: 0.3.0\n"}


def render(fixed: Mapping[str, object]) -> dict[str, bytes]:
    files = {"templates/all.yaml": TEXT + "{{ .Values.image | quote }}"}
    return render_chart(
        chart=Chart(name="clock", recipe="clock", image="clock", fixed=fixed),
        recipe=chart_recipe("clock", SPEC, None),
        features={"core": chart_feature("core", {"values": VALUES}, files)},
        library=LIBRARY,
        images=("r.example/clock:1",),
        version="1.0.0",
        catalog="demo",
    )


def schema(fixed: Mapping[str, object]) -> Any:
    return json.loads(render(fixed)["values.schema.json"])


def test_a_value_is_a_constant_that_no_form_shows() -> None:
    found = schema({"role.name": "edit"})
    role = found["properties"]["role"]
    assert role["properties"]["name"] == {
        "type": "string",
        "description": "What",
        "hidden": {"value": False, "path": "role/enabled"},
        "x-onyxia": {"hidden": True},
        "const": "edit",
        "default": "edit",
    }
    assert b'name: "edit"' in render({"role.name": "edit"})["values.yaml"]


def test_no_file_of_the_platform_replaces_the_form_around_it() -> None:
    group: dict[str, object] = {"onyxia": {"overwriteSchemaWith": "ide/role.json", "hidden": False}}

    def about(fixed: Mapping[str, object]) -> Any:
        values = {**VALUES, "role": {**VALUES["role"], **group}}  # type: ignore[dict-item]
        files = {"templates/all.yaml": TEXT + "{{ .Values.image | quote }}"}
        rendered = render_chart(
            chart=Chart(name="clock", recipe="clock", image="clock", fixed=fixed),
            recipe=chart_recipe("clock", SPEC, None),
            features={"core": chart_feature("core", {"values": values}, files)},
            library=LIBRARY,
            images=("r.example/clock:1",),
            version="1.0.0",
            catalog="demo",
        )
        return json.loads(rendered["values.schema.json"])["properties"]["role"]["x-onyxia"]

    assert about({}) == group["onyxia"]
    assert about({"role.name": "edit"}) == {"hidden": False}


def test_what_fills_a_fixed_value_is_gone_with_its_group() -> None:
    filling = {
        "profile": {"type": "object", "text": "What the user likes"},
        "profile.role": {
            "type": "string", "default": "view", "text": "The role", "fills": "role.name",
            "from": "user.profile.role", "onyxia": {"hidden": True},
        },
    }  # fmt: skip

    def known(fixed: Mapping[str, object]) -> Any:
        files = {"templates/all.yaml": TEXT + "{{ .Values.image | quote }}"}
        rendered = render_chart(
            chart=Chart(name="clock", recipe="clock", image="clock", fixed=fixed),
            recipe=chart_recipe("clock", SPEC, None),
            features={"core": chart_feature("core", {"values": {**VALUES, **filling}}, files)},
            library=LIBRARY,
            images=("r.example/clock:1",),
            version="1.0.0",
            catalog="demo",
        )
        return json.loads(rendered["values.json"])

    assert known({})["values"]["profile"] == {"role": ["view"]}
    assert [move["from"] for move in known({})["former"]] == [["old", "role"], ["profile", "role"]]
    assert "profile" not in known({"role.name": "edit"})["values"]
    assert known({"role.name": "edit"})["former"] == []


def test_null_does_not_take_it_away() -> None:
    """Helm drops what is null, and the group around it too: so each is required."""
    found = schema({"role.name": "edit"})
    assert (found["required"], found["properties"]["role"]["required"]) == (["role"], ["name"])
    assert "required" not in schema({})


def test_a_former_path_is_no_way_around() -> None:
    def known(fixed: Mapping[str, object]) -> Any:
        return json.loads(render(fixed)["values.json"])

    assert [move["from"] for move in known({})["former"]] == [["old", "role"]]
    assert known({"role.name": "edit"})["former"] == []


def test_a_group_takes_no_other_key() -> None:
    pod = schema({"pod": {"group": 7}})["properties"]["pod"]
    assert (pod["additionalProperties"], pod["properties"]["group"]["const"]) == (False, 7)
    closed = schema({"pod": {}})["properties"]["pod"]
    assert closed["additionalProperties"] is False
    assert "const" not in closed["properties"]["group"]
    assert "additionalProperties" not in schema({})["properties"]["pod"]


def test_a_value_of_several_types() -> None:
    found = schema({"notes": {}})
    assert (found["properties"]["notes"]["type"], found["properties"]["notes"]["const"]) == (
        "object", {},
    )  # fmt: skip
    assert "^notes$" in schema({})["patternProperties"]
    assert "^notes$" not in found["patternProperties"]


@pytest.mark.parametrize(
    ("fixed", "text"),
    [
        (
            {"role.nmae": "view"},
            "matrix.yaml: chart clock: no feature has a value role.nmae\n"
            "  hint: did you mean role.name or role or role.enabled?",
        ),
        (
            {"role.name": 3},
            "matrix.yaml: chart clock: value role.name: the default 3 is not of type string",
        ),
        (
            {"pod": 3},
            "matrix.yaml: chart clock: value pod: it is a group, and 3 is none\n"
            "  hint: fix the values in it",
        ),
        (
            {"pod": {"user": 3}},
            "matrix.yaml: chart clock: no feature has a value pod.user",
        ),
    ],
)
def test_what_cannot_be_fixed(fixed: Mapping[str, object], text: str) -> None:
    with pytest.raises((ConfigError, Problems)) as caught:
        render(fixed)
    assert str(caught.value).startswith(text)


def test_a_major_version_takes_it_away_and_a_lower_one_gives_it_back() -> None:
    free, pinned = render({}), render({"role.name": "view"})
    types, fewer = value_types(free), value_types(pinned)
    assert (types["role.name"], fewer["role.name"]) == ("string", "fixed string")
    assert bump("1.2.3", before=types, after=fewer) == "2.0.0"
    assert bump("1.2.3", before=fewer, after={**fewer, "role.name": "string"}) == "1.2.4"
    assert "`role.name` was string and is fixed string" in changes(free, pinned)
    assert not [line for line in changes(pinned, free) if "was fixed" in line]
