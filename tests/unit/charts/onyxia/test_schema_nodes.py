"""Rules about single values: a chart without a fault, one defect, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from builder.charts.onyxia.check import check
from tests.fakes.charts import SUSPEND, files, with_zone

UTC = {"type": "string", "default": "utc"}
PLACE = "values.schema.json:13:3: $.properties.zone"
TYPE = "values.schema.json:14:4: $.properties.zone"
DEFAULT = "values.schema.json:15:4: $.properties.zone"
THIRD = "values.schema.json:16:4: $.properties.zone"
INNER = "values.schema.json:17:5: $.properties.zone.x-onyxia"
KINDS = "object, array, string, boolean, integer, number"


def said(chart: Mapping[str, bytes]) -> list[str]:
    return [str(finding) for finding in check(chart)]


def onyxia(**keys: object) -> dict[str, Any]:
    return {**UTC, "x-onyxia": keys}


def slider(default: str, **keys: object) -> dict[str, Any]:
    node = {"type": "string", "default": default, "sliderMin": 1, "sliderMax": 100}
    return {**node, "sliderUnit": "m", **keys}


@pytest.mark.parametrize(
    "node",
    [
        UTC,
        {"const": "utc", "default": "utc"},
        {**UTC, "enum": ["cet", "utc"], "title": "Zone", "description": "Where"},
        {**UTC, "listEnum": ["utc"], "render": "list"},
        {**UTC, "hidden": True},
        {**UTC, "hidden": {"value": True, "path": "global/suspend"}},
        {**UTC, "hidden": {"value": True, "path": "global/suspend", "isPathRelative": True}},
        {**UTC, "pattern": "^(?<name>u).c$"},
        {"type": "array", "default": []},
        {"type": "integer", "default": 3, "minimum": 3},
        slider("50m", sliderStep=1),
        slider("50", sliderUnit=""),
        {"type": "number", "default": 2.5, "sliderMin": 1, "sliderMax": 3, "render": "slider"},
        onyxia(overwriteDefaultWith="user.name", hidden=True, readonly=False),
        onyxia(overwriteDefaultWith="{{project.id}}-{{user.decodedIdToken.groups[0]}}"),
        onyxia(overwriteDefaultWith='{{region.customValues["a.b"]}}'),
        onyxia(overwriteDefaultWith=["a literal", "{{user.profile.team}}"]),
        onyxia(overwriteListEnumWith=["utc", "{{user.lang}}"]),
        {"default": "utc", "x-onyxia": {"overwriteSchemaWith": "ide/password.json"}},
    ],
)
def test_what_is_right(node: Mapping[str, Any]) -> None:
    assert said(with_zone(node)) == []


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"default": "utc"}, f"{PLACE}: type: fatal: the node has neither a type nor a const"),
        (
            {"oneOf": [{"type": "string"}], "default": "utc"},
            f"{PLACE}: type: fatal: the node has neither a type nor a const\n"
            "  hint: oneOf does not replace it",
        ),
        (
            {"type": ["string", "null"], "default": "utc"},
            f'{TYPE}.type: type: fatal: the type ["string", "null"] is not one of {KINDS}\n'
            "  hint: a single string",
        ),
        (
            {"type": "null", "default": "utc"},
            f'{TYPE}.type: type: fatal: the type "null" is not one of {KINDS}\n'
            "  hint: a single string",
        ),
        (
            {"$ref": "zones.json", "default": "utc"},
            f'{TYPE}.$ref: ref: fatal: $ref "zones.json" cannot be resolved\n'
            "  hint: write #/definitions/NAME, a definition in the same file",
        ),
        (
            {"$ref": "#/definitions/zone", "default": "utc"},
            f'{TYPE}.$ref: ref: fatal: $ref "#/definitions/zone" cannot be resolved\n'
            "  hint: the definition does not exist, or contains itself",
        ),
        (
            {"type": "array", "default": [], "minItems": 0.5},
            f"{THIRD}.minItems: shape: fatal: minItems must be a whole number, and is 0.5",
        ),
        (
            {"type": "array", "default": [], "items": [{"type": "string"}]},
            f"{THIRD}.items: shape: fatal: items must be one schema,"
            ' and is [{"type": "string"}]',
        ),
        (
            {**UTC, "hidden": {"value": 1}},
            f"{THIRD}.hidden: shape: fatal: hidden must be true, false, or a mapping with value"
            ' and path, and is {"value": 1}',
        ),
        (
            onyxia(overwriteDefaultWith=True),
            f"{INNER}.overwriteDefaultWith: shape: fatal: overwriteDefaultWith must be a string,"
            " a list or a mapping, and is true",
        ),
        (
            onyxia(hidden={"value": False, "path": "a"}),
            f"{INNER}.hidden: onyxia-flag: fatal: x-onyxia.hidden must be true or false,"
            ' and is {"value": false, "path": "a"}\n'
            "  hint: write a condition as `hidden`, beside `type`",
        ),
        (
            onyxia(readonly="yes"),
            f"{INNER}.readonly: onyxia-flag: fatal: x-onyxia.readonly must be true or false,"
            ' and is "yes"',
        ),
        (
            {**UTC, "render": "textarea"},
            f'{THIRD}.render: render: fatal: unknown render "textarea"\n'
            "  hint: did you mean textArea?",
        ),
        (
            {**UTC, "pattern": "(?i)^utc$"},
            f"{THIRD}.pattern: pattern: fatal: the pattern has (?i), which browsers do not"
            " understand\n  hint: write both cases, e.g. [aA]",
        ),
        (
            onyxia(overwriteDefaultwith="user.name"),
            f'{INNER}.overwriteDefaultwith: onyxia-key: warning: unknown key "overwriteDefaultwith"'
            " in x-onyxia\n  hint: did you mean overwriteDefaultWith or overwriteSchemaWith or"
            " overwriteListEnumWith?",
        ),
        (
            onyxia(overwriteDefaultWith="{{k8s.initScriptCheckSum}}"),
            f"{INNER}.overwriteDefaultWith: variable: warning: there is no context variable"
            ' "k8s.initScriptCheckSum"\n  hint: did you mean k8s.initScriptUrl?',
        ),
        (
            onyxia(overwriteListEnumWith="{{palettes.all}}"),
            f"{INNER}.overwriteListEnumWith: variable: warning: there is no context variable"
            ' "palettes.all"',
        ),
        ({**UTC, "form": True}, f"{THIRD}.form: ignored-key: note: the form ignores form"),
        ({**UTC, "x-form": {}}, f"{THIRD}.x-form: ignored-key: note: the form ignores x-form"),
        ({**UTC, "anyOf": []}, f"{THIRD}.anyOf: ignored-key: note: the form ignores anyOf"),
        (
            onyxia(useRegionSliderConfig="cpu"),
            f"{INNER}.useRegionSliderConfig: ignored-key: note: the form ignores"
            " useRegionSliderConfig",
        ),
        (
            {**UTC, "enum": ["utc"], "listEnum": ["utc"]},
            f"{THIRD}.enum: ignored-key: note: the form shows listEnum, and ignores enum",
        ),
        (
            onyxia(overwriteSchemaWith="ide/resource.json"),
            f"{INNER}.overwriteSchemaWith: schema-name: note: the platform has no schema"
            ' "ide/resource.json": it keeps the node\n'
            "  hint: did you mean ide/resources.json or ide/resources-gpu.json or ide/route.json?",
        ),
        (
            {**UTC, "enum": ["cet", "gmt"]},
            f'{DEFAULT}.default: default: fatal: the default "utc" is not one of "cet", "gmt"',
        ),
        (
            {**UTC, "pattern": "^[A-Z]+$"},
            f'{DEFAULT}.default: default: fatal: the default "utc" does not match the pattern'
            " ^[A-Z]+$",
        ),
        (
            {"type": "integer", "default": "utc"},
            f'{DEFAULT}.default: default: fatal: the default "utc" is not of type integer',
        ),
        (
            {"type": "boolean", "default": 1},
            f"{DEFAULT}.default: default: fatal: the default 1 is not of type boolean",
        ),
        (
            slider("500m"),
            f'{DEFAULT}.default: default: fatal: the default "500m" is not between 1 and 100,'
            " as its slider is",
        ),
        (
            slider("50"),
            f'{DEFAULT}.default: default: fatal: the default "50" does not end with the unit m of'
            " its slider",
        ),
        (
            {**UTC, "listEnum": ["utc", 1]},
            f"{THIRD}.listEnum: options: warning: 1 is not of type string:"
            " the form ignores listEnum",
        ),
        (
            {**UTC, "render": "list"},
            f"{THIRD}.render: list: fatal: render: list needs options: listEnum or enum",
        ),
        (
            {**UTC, "render": "list", "x-onyxia": {"overwriteListEnumWith": "user.profile.zones"}},
            f'{THIRD}.render: list-context: warning: the form breaks where "user.profile.zones"'
            " is undefined or empty\n  hint: give it a listEnum too",
        ),
        (
            {"type": "integer", "default": 5, "sliderMin": 1, "sliderMax": 9},
            f"{TYPE}.type: slider-type: fatal: a slider must be of type string or number,"
            " not integer",
        ),
        (
            {"type": "number", "default": 5, "sliderUnit": "m", "sliderMin": 1, "sliderMax": 9},
            f"{THIRD}.sliderUnit: slider-type: fatal: a slider of type number takes no unit,"
            ' and has "m"',
        ),
        (
            {"type": "number", "default": 5, "sliderMin": 1},
            f"{PLACE}: slider-ends: fatal: the slider has no sliderMax",
        ),
        (
            {"type": "number", "default": 5, "render": "password", "sliderMin": 1, "sliderMax": 9},
            f'{THIRD}.render: slider-ends: fatal: a slider cannot be rendered as "password"',
        ),
        (
            {"type": "number", "default": 5, "render": "slider"},
            f"{THIRD}.render: no-slider: warning: render: slider needs sliderMin:"
            " the form shows a plain field",
        ),
        (
            {**UTC, "hidden": {"value": True, "path": "global/suspended"}},
            "values.schema.json:18:5: $.properties.zone.hidden.path: hidden: warning: there is no"
            ' value "global/suspended": this is never hidden\n'
            "  hint: did you mean global/suspend or global?",
        ),
        (
            {**UTC, "hidden": {"value": True, "path": "global.suspend"}},
            "values.schema.json:18:5: $.properties.zone.hidden.path: hidden: warning: there is no"
            ' value "global.suspend": this is never hidden\n'
            "  hint: did you mean global/suspend or global?",
        ),
        (
            {**UTC, "hidden": {"value": "true", "path": "global/suspend"}},
            "values.schema.json:17:5: $.properties.zone.hidden.value: hidden: warning:"
            ' global.suspend is never "true": this is never hidden',
        ),
    ],
)  # fmt: skip
def test_a_defect(node: Mapping[str, Any], text: str) -> None:
    assert said(with_zone(node)) == [text]


@pytest.mark.parametrize(
    ("node", "given", "text"),
    [
        (
            {"type": "string"}, None,
            f"{PLACE}: no-value: fatal: the value has no default, and values.yaml has none either:"
            " a launch fails",
        ),
        (
            {"type": "array", "minItems": 1, "items": {"type": "string"}}, None,
            f"{PLACE}: no-value: fatal: the list has minItems, but neither a default nor one for"
            " its items",
        ),
        (
            {"type": "string", "x-onyxia": {"overwriteDefaultWith": "{{user.name}}"}}, None,
            f'{PLACE}: needs-context: warning: a launch fails where "{{{{user.name}}}}" is'
            " undefined\n  hint: give it a default",
        ),
        (
            {"type": "string", "const": 1}, 1,
            f"{DEFAULT}.const: default: fatal: the const 1 is not of type string",
        ),
        (
            {"type": "string"}, 1,
            "values.yaml:5:2: $.zone: refused: fatal: the value 1 is not of type string:"
            " a launch fails",
        ),
        (
            UTC, "cet",
            'values.yaml:5:2: $.zone: differs: warning: it is "cet" here, and "utc" in'
            " values.schema.json\n"
            "  hint: a launch from the form sends the one in values.schema.json",
        ),
        (
            UTC, None,
            "values.yaml: only-schema: note: zone has a default in values.schema.json,"
            " and no value here",
        ),
    ],
)  # fmt: skip
def test_a_default_that_is_missing_or_differs(
    node: Mapping[str, Any], given: object, text: str
) -> None:
    assert said(with_zone(node, given)) == [text]


def test_what_needs_no_default() -> None:
    assert said(with_zone({"type": "array"}, None)) == []
    assert said(with_zone({"type": "string", "const": "utc"}, None)) == []
    items = {"type": "string", "default": "utc"}
    assert said(with_zone({"type": "array", "minItems": 2, "items": items}, None)) == []
    assert said(with_zone({"x-onyxia": {"overwriteSchemaWith": "ide/git.json"}}, None)) == []


def test_an_objects_own_default_is_ignored() -> None:
    node = {
        "type": "object", "properties": {"name": UTC},
        "default": {"name": "cet"}, "x-onyxia": {"overwriteDefaultWith": "region.customValues"},
    }  # fmt: skip
    assert said(with_zone(node, {"name": "utc"})) == [
        "values.schema.json:21:4: $.properties.zone.default: own-default: warning: default is"
        " ignored: the object has properties, and theirs are taken",
        "values.schema.json:25:5: $.properties.zone.x-onyxia.overwriteDefaultWith: own-default:"
        " warning: overwriteDefaultWith is ignored before the platform's next version: the object"
        " has properties, and theirs are taken",
    ]


def test_a_definition_is_followed_and_one_that_holds_itself_is_not() -> None:
    schema = {
        "type": "object",
        "properties": {"global": SUSPEND, "zone": {"$ref": "#/definitions/zone"}},
        "definitions": {"zone": {"type": "string", "default": 1}},
    }
    assert said(files(schema)) == [
        "values.schema.json:13:3: $.properties.zone.default: default: fatal: the default 1 is not"
        " of type string",
        'values.yaml:5:2: $.zone: differs: warning: it is "utc" here, and 1 in values.schema.json\n'
        "  hint: a launch from the form sends the one in values.schema.json",
    ]
    looped = {"zone": {"type": "object", "properties": {"zone": {"$ref": "#/definitions/zone"}}}}
    assert said(files({**schema, "definitions": looped}, {"global": {"suspend": False}})) == [
        "values.schema.json:13:3: $.properties.zone.properties.zone.$ref: ref: fatal: $ref"
        ' "#/definitions/zone" cannot be resolved\n'
        "  hint: the definition does not exist, or contains itself",
    ]


def test_items_may_name_the_keys_of_the_list_that_fills_them() -> None:
    properties = {
        "id": onyxia(overwriteDefaultWith="{{id}}"),
        "at": onyxia(overwriteDefaultWith="{{a.b}}"),
    }
    node = {"type": "array", "default": [], "items": {"type": "object", "properties": properties}}
    assert said(with_zone(node)) == [
        "values.schema.json:30:8: $.properties.zone.items.properties.at.x-onyxia"
        '.overwriteDefaultWith: variable: warning: there is no context variable "a.b"'
    ]


def test_a_relative_path_that_says_not_that_it_is_one() -> None:
    properties = {
        "on": {"type": "boolean", "default": False},
        "name": {**UTC, "hidden": {"value": False, "path": "on"}},
    }
    node = {"type": "object", "properties": properties}
    assert said(with_zone(node, {"on": False, "name": "utc"})) == [
        "values.schema.json:25:7: $.properties.zone.properties.name.hidden.path: hidden: warning:"
        ' there is no value "on": this is never hidden\n'
        '  hint: the path is relative to the parent: add "isPathRelative": true'
    ]


def end(extremity: str, **more: object) -> dict[str, Any]:
    node = slider("50m", sliderExtremity=extremity, sliderRangeId="cpu", sliderStep=1)
    return {**node, "sliderExtremitySemantic": extremity, **more}


def pair(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, bytes]:
    node = {"type": "object", "properties": {"low": low, "high": high}}
    return with_zone(node, {"low": "50m", "high": "50m"})


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (end("down"), end("up"), []),
        (
            end("down"), end("down"),
            ['34:6: $.properties.zone.properties.high.sliderRangeId: slider-range: fatal: the range'
             ' "cpu" has the ends down, down\n'
             "  hint: give one node `down` and one `up`, under a sliderRangeId of their own"],
        ),
        (
            end("down"), end("up", sliderRangeId="memory"),
            ['23:6: $.properties.zone.properties.low.sliderRangeId: slider-range: fatal: the range'
             ' "cpu" has the ends down\n'
             "  hint: give one node `down` and one `up`, under a sliderRangeId of their own",
             '34:6: $.properties.zone.properties.high.sliderRangeId: slider-range: fatal: the range'
             ' "memory" has the ends up\n'
             "  hint: give one node `down` and one `up`, under a sliderRangeId of their own"],
        ),
        (
            end("down"), end("up", sliderStep=5),
            ['35:6: $.properties.zone.properties.high.sliderStep: slider-range: fatal: the ends of'
             ' the range "cpu" differ in sliderStep'],
        ),
    ],
)  # fmt: skip
def test_a_range(low: Mapping[str, Any], high: Mapping[str, Any], texts: list[str]) -> None:
    assert said(pair(low, high)) == [f"values.schema.json:{text}" for text in texts]


def test_an_end_of_a_range_alone() -> None:
    low = {key: value for key, value in end("down").items() if key != "sliderRangeId"}
    assert said(with_zone(low)) == [
        f"{PLACE}: slider-range: fatal: the end of a range has no sliderRangeId"
    ]
    silent = {key: value for key, value in end("up").items() if key != "sliderExtremitySemantic"}
    place = "values.schema.json:27:5: $.properties.zone.properties.high"
    assert said(pair(end("down"), silent)) == [
        f"{place}: slider-semantic: note: the form does not say what this end means:"
        " no sliderExtremitySemantic"
    ]
