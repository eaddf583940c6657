"""The values that a launch sends: each step that can give one, and what the form makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from builder.charts.onyxia.context import (
    SAMPLE,
    UNDEFINED,
    VARIABLES,
    is_known,
    references,
    resolve,
)
from builder.charts.onyxia.launch import launch
from builder.common.errors import BuilderError

CONTEXT = {
    "user": {
        "name": "Ann",
        "age": 40,
        "darkMode": True,
        "decodedIdToken": {"groups": ["red", "blue"], "a.b": "dotted", "none": None},
    },
    "project": {"id": "team"},
    "k8s": {"domain": "example.org", "randomSubdomain": "12.0", "nodes": 3.0},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("user.name", "Ann"),
        ("{{user.name}}", "Ann"),
        ("{{user}}", CONTEXT["user"]),
        ("user.age", 40),
        ("{{project.id}}-{{k8s.randomSubdomain}}.{{k8s.domain}}", "team-12.0.example.org"),
        ("{{user.darkMode}}/{{user.age}}/{{k8s.nodes}}", "true/40/3"),
        ("user.decodedIdToken.groups[1]", "blue"),
        ("{{user.decodedIdToken.groups[0]}}!", "red!"),
        ('{{user.decodedIdToken["a.b"]}}', "dotted"),
        ("user.decodedIdToken['a.b']", "dotted"),
        ("user.decodedIdToken.none", None),
        ("user.email", UNDEFINED),
        ("user.decodedIdToken.groups[2]", UNDEFINED),
        ("{{ user.name }}", UNDEFINED),  # the platform does not strip
        ("{{project.id}}-{{user.email}}", UNDEFINED),
        ("{{project.id}}-{{user}}", UNDEFINED),
        ("{{project.id}}-{{user.decodedIdToken.none}}", UNDEFINED),
        (["user.name", "{{user.name}}", 1, None], ["user.name", "Ann", 1, None]),
        ({"a": {"b": ["{{project.id}}"]}, "c": True}, {"a": {"b": ["team"]}, "c": True}),
        (["{{user.email}}", "kept"], UNDEFINED),
        ({"a": "{{user.email}}"}, UNDEFINED),
    ],
)
def test_an_expression(expression: object, value: object) -> None:
    assert resolve(expression, CONTEXT) == value


def test_the_references_of_an_expression() -> None:
    assert references("user.name") == ["user.name"]
    assert references("{{a}}-{{b.c}}") == ["a", "b.c"]
    assert references(["literal", "{{a}}", {"x": "{{b}}", "y": 1}]) == ["a", "b"]


def test_the_variables_that_there_are() -> None:
    assert {"user.email", "s3.profileName", "s3_array",
            "ai.activeProvider.models", "region.kafka.topicName", "k8s.istio.gateways",
            "proxyInjection.noProxy", "region.customValues"} <= set(VARIABLES)  # fmt: skip
    assert all(map(is_known, VARIABLES))
    for name in (*SAMPLE, "region.resources", "user.profile.a.b", "region.from[0].ipBlock"):
        assert is_known(name), name
    for name in ("ai.active", "git.project", "s3.workingDirectoryPath", "region.resources.x", ""):
        assert not is_known(name), name


def sent(node: dict[str, Any], given: object = UNDEFINED) -> object:
    """What is sent for one value, beside what values.yaml has."""
    schema = {"type": "object", "properties": {"x": node}}
    return launch(schema, {} if given is UNDEFINED else {"x": given}, CONTEXT)["x"]


def filled(kind: str, source: object, **more: object) -> dict[str, Any]:
    return {"type": kind, "x-onyxia": {"overwriteDefaultWith": source}, **more}


@pytest.mark.parametrize(
    ("node", "given", "value"),
    [
        # The steps, each beating what comes after it.
        (filled("string", "user.name", const="c", default="d"), "v", "c"),
        ({"const": True, "default": False}, "v", True),
        (filled("string", "user.name", default="d"), "v", "Ann"),
        (filled("string", "user.email", default="d"), "v", "d"),
        (filled("string", "user.email"), "v", "v"),
        ({"type": "string", "default": "d"}, "v", "d"),
        ({"type": "string"}, "v", "v"),
        ({"type": "array"}, UNDEFINED, []),
        ({"type": "array", "minItems": 2, "items": {"type": "string", "default": "i"}},
         UNDEFINED, ["i", "i"]),
        ({"type": "array", "minItems": 1, "default": ["d"]}, UNDEFINED, ["d"]),
        ({"type": "object", "default": {"a": 1}}, UNDEFINED, {"a": 1}),
        # An object with properties is its properties.
        (filled("object", "user", default={"a": 2}, properties={"a": {"type": "integer",
         "default": 1}}), {"a": 3, "b": 4}, {"a": 1}),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {"a": 3, "b": 4}, {"a": 3}),
        # What does not fit is passed over.
        (filled("string", "user.name", enum=["Bob"], default="Bob"), UNDEFINED, "Bob"),
        (filled("string", "user.name", listEnum=["Ann", "Bob"], default="Bob"), UNDEFINED, "Ann"),
        (filled("string", "user.name", pattern="^B", default="B"), UNDEFINED, "B"),
        ({"type": "string", "default": "d", "enum": ["v"]}, "v", "v"),
        (filled("string", "user.age", sliderUnit="m", sliderMin=1, sliderMax=9, default="5m"),
         UNDEFINED, "5m"),
        (filled("number", "user.age", sliderMin=1, sliderMax=9, default=5), UNDEFINED, 5),
        (filled("integer", "user.age", minimum=50, default=60), UNDEFINED, 60),
        (filled("array", ["a"], minItems=2, default=["x", "y"]), UNDEFINED, ["x", "y"]),
        # The result is made the node's type.
        (filled("string", "user.age"), UNDEFINED, "40"),
        (filled("string", "user.darkMode"), UNDEFINED, "true"),
        (filled("string", "user.decodedIdToken.none"), UNDEFINED, ""),
        (filled("string", "user.decodedIdToken", default="d"), UNDEFINED, "d"),
        (filled("number", "k8s.randomSubdomain"), UNDEFINED, 12),
        (filled("integer", "{{user.age}} years"), UNDEFINED, 40),
        (filled("integer", "user.darkMode"), UNDEFINED, 1),
        (filled("integer", "user.name", default=7), UNDEFINED, 7),
        (filled("integer", "{{user.age}}.5", default=7), UNDEFINED, 7),
        (filled("number", "{{user.age}}.5"), UNDEFINED, 40.5),
        (filled("boolean", "user.age"), UNDEFINED, True),
        (filled("boolean", ["x"], default=False), UNDEFINED, False),
        (filled("boolean", "user.name", default=False), UNDEFINED, False),
        (filled("array", "user.decodedIdToken.groups", items={"type": "string"}),
         UNDEFINED, ["red", "blue"]),
        (filled("array", ["{{user.age}}"], items={"type": "string"}), UNDEFINED, ["40"]),
        (filled("array", ["{{user.name}}"], items={"type": "integer"}), UNDEFINED, []),
        (filled("object", "user.name", default={}), UNDEFINED, {}),
        (filled("object", {"who": "{{user.name}}"}), UNDEFINED, {"who": "Ann"}),
        # A list of mappings takes the shape of its items.
        (filled("array", [{"id": 1, "more": 2}], items={"type": "object", "properties": {
            "id": {"type": "string"}, "who": filled("string", "user.name")}}),
         UNDEFINED, [{"id": "1", "who": "Ann"}]),
        # Choices of the context; where there are none, those of the schema.
        ({"type": "string", "default": "red", "listEnum": ["green"],
          "x-onyxia": {"overwriteListEnumWith": "user.decodedIdToken.groups"}}, UNDEFINED, "red"),
        ({"type": "string", "default": "green", "listEnum": ["green"],
          "x-onyxia": {"overwriteListEnumWith": "user.email"}}, UNDEFINED, "green"),
    ],
)  # fmt: skip
def test_where_a_value_comes_from(node: dict[str, Any], given: object, value: object) -> None:
    found = sent(node, given)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("word", "value"),
    [("True", True), ("no", False), ("1", True), ("0", False), ("ON", True), ("off", False)],
)
def test_a_word_for_a_boolean(word: str, value: bool) -> None:  # noqa: FBT001
    node = filled("boolean", "{{user.word}}", default=not value)
    schema = {"type": "object", "properties": {"x": node}}
    assert launch(schema, {}, {"user": {"word": word}}) == {"x": value}


def test_a_definition_is_followed() -> None:
    schema = {
        "type": "object",
        "properties": {"x": {"$ref": "#/definitions/name"}},
        "definitions": {"name": filled("string", "user.name")},
    }
    assert launch(schema, {}, CONTEXT) == {"x": "Ann"}


NO_VALUE = "the value has no default, and values.yaml has none either"


@pytest.mark.parametrize(
    ("node", "given", "why"),
    [
        ({"type": "string"}, UNDEFINED, NO_VALUE),
        (filled("string", "user.email"), UNDEFINED, NO_VALUE),
        ({"type": "string"}, 1, "its schema refuses the value in values.yaml"),
        ({"type": "string", "const": 1}, UNDEFINED, "the const does not fit its own schema"),
        ({"type": "array", "minItems": 1}, UNDEFINED,
         "the list has minItems, but its items have no default"),
    ],
)  # fmt: skip
def test_a_launch_that_fails(node: dict[str, Any], given: object, why: str) -> None:
    with pytest.raises(BuilderError) as raised:
        sent(node, given)
    assert str(raised.value) == (
        f"the launch fails at $.x: {why}\n  hint: give it a default that fits its schema"
    )


def test_everything_that_a_launch_fails_at_is_told() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string"}, "y": {"type": "integer"}}}
    with pytest.raises(BuilderError) as raised:
        launch(schema, {}, {})
    assert [line.split(":")[0] for line in str(raised.value).splitlines()[::2]] == [
        "the launch fails at $.x", "the launch fails at $.y",
    ]  # fmt: skip


def test_a_schema_of_no_object() -> None:
    with pytest.raises(BuilderError) as raised:
        launch({"type": "array", "default": []}, {}, {})
    assert str(raised.value) == ("the launch fails: values.schema.json does not describe an object")
