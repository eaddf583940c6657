"""One catalog on top of another: what is merged by key, and where each value comes from."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.catalog.merge import Layer, MergedDocument, merge
from builder.catalog.models import Matrix
from builder.catalog.yaml_document import load
from builder.common.errors import BuilderError

LOWER = """\
catalog: {name: shop, registries: [a.example, b.example]}
axes:
  lang: {"3": {tag: x}, "2": {tag: y}, "1": }
images:
  base: {from: os, axes: [os, lang], inputs: [one, two, three]}
  desk: {from: base, only: {lang: "3"}}
"""


def layer(name: str, text: str) -> Layer:
    return Layer(catalog=name, document=load(text, f"{name}:matrix.yaml" if name else "m.yaml")[0])


def merged(*uppers: str) -> tuple[MergedDocument, list[BuilderError]]:
    layers = [layer("low", LOWER)]
    layers += [layer("" if text is uppers[-1] else "mid", text) for text in uppers]
    return merge(layers, Matrix)


def of(upper: str) -> MergedDocument:
    document, errors = merged(upper)
    assert errors == []
    return document


def test_a_name_is_added_changed_and_removed() -> None:
    document = of(
        "images:\n  desk: null\n  base: {axes: [os], publish: false}\n  new: {from: base}\n"
    )
    assert document.data["images"] == {
        "base": {"from": "os", "axes": ["os"], "inputs": ["one", "two", "three"], "publish": False},
        "new": {"from": "base"},
    }
    assert str(document.at(("images", "base", "axes", 0))) == "m.yaml:3:17"
    assert str(document.at(("images", "base", "inputs", 1))) == "low:matrix.yaml:5:52"
    assert str(document.at_key(("images", "new", "from"))) == "m.yaml:4:9"
    assert str(document.removed(("images", "desk"))) == "m.yaml:2:3"
    assert document.removed(("images", "base")) is None


def test_lists_grow_at_both_ends_and_shrink_and_items_keep_their_places() -> None:
    document = of(
        "images:\n  base:\n    inputs-: [two]\n    inputs+: [four, one]\n    +inputs: [zero]\n"
    )
    inputs = ("images", "base", "inputs")
    assert document.data["images"]["base"]["inputs"] == ["zero", "one", "three", "four"]
    assert [str(document.at((*inputs, index))) for index in range(4)] == [
        "m.yaml:5:15", "low:matrix.yaml:5:47", "low:matrix.yaml:5:57", "m.yaml:4:15",
    ]  # fmt: skip
    assert [(origin.catalog, origin.rule) for origin in document.origins(inputs)] == [
        ("low", "set"), ("", "removed"), ("", "appended"), ("", "put first"),
    ]  # fmt: skip


def test_a_list_that_is_not_below_begins_with_what_is_appended() -> None:
    assert of("images: {desk: {inputs+: [one]}}\n").data["images"]["desk"]["inputs"] == ["one"]


def test_a_mapping_that_is_data_is_merged() -> None:
    only = of("images: {desk: {only+: {os: '1'}}}\n").data["images"]["desk"]["only"]
    assert only == {"lang": "3", "os": "1"}


def test_the_order_of_names() -> None:
    order = of('axes: {lang: {$order: ["1", "*", "3"]}}\n').data["axes"]["lang"]
    assert list(order) == ["1", "2", "3"]
    assert list(of('axes: {lang: {$order: ["2"]}}\n').data["axes"]["lang"]) == ["2", "3", "1"]


def test_what_is_below_is_dropped() -> None:
    document = of("images: {base: {$replace: true, from: cd}}\n")
    assert document.data["images"]["base"] == {"from": "cd"}


def test_a_value_that_says_nothing_below_gets_keys() -> None:
    assert of('axes: {lang: {"1": {tag: z}}}\n').data["axes"]["lang"]["1"] == {"tag": "z"}


def test_three_catalogs_tell_each_place_of_a_value() -> None:
    document, errors = merged(
        "images: {desk: {only: {lang: '2'}}}\n", "images: {desk: {only: {lang: ['1']}}}\n"
    )
    assert errors == []
    origins = document.origins(("images", "desk", "only", "lang"))
    assert [(str(item.location), item.value) for item in origins] == [
        ("low:matrix.yaml:6:35", "3"),
        ("mid:matrix.yaml:1:30", "2"),
        ("m.yaml:1:30", ["1"]),
    ]


@pytest.mark.parametrize(
    ("upper", "id", "message", "column", "hint"),
    [
        (
            "images: {dsk: null}",
            "E-MERGE-NOTHING",
            "there is no image 'dsk' to remove",
            10,
            "did you mean desk?",
        ),
        (
            "axes: {lang: {'9': null}}",
            "E-MERGE-NOTHING",
            "there is no value '9' to remove",
            15,
            "known: 3, 2, 1",
        ),
        (
            "catalog: {name: null}",
            "E-MERGE-REQUIRED",
            "catalog.name is required, and cannot be removed",
            11,
            "",
        ),
        (
            "images: {base: {axes: {a: b}}}",
            "E-MERGE-TYPE",
            "images.base.axes is a list below, and a mapping here",
            17,
            "below: low:matrix.yaml:5:26",
        ),
        (
            "images: {desk: {only: [a]}}",
            "E-MERGE-TYPE",
            "images.desk.only is a mapping below, and a list here",
            17,
            "below: low:matrix.yaml:6:28",
        ),
        (
            "images: {base: {inputs+: [two]}}",
            "E-MERGE-PRESENT",
            "images.base.inputs has two already",
            17,
            "take this line out",
        ),
        (
            "images: {base: {inputs-: [tow]}}",
            "E-MERGE-ABSENT",
            "images.base.inputs has no 'tow' to remove",
            27,
            "did you mean two?",
        ),
        (
            "images: {base: {inputs: [a], inputs+: [b]}}",
            "E-MERGE-BOTH",
            "'inputs' and 'inputs+' are both here: one replaces what the other changes",
            30,
            "keep one of them",
        ),
        (
            "images: {base: {from+: [b]}}",
            "E-MERGE-TYPE",
            "'from+' is for lists, and images.base.from is a single value",
            17,
            "below: low:matrix.yaml:5:16",
        ),
        (
            'axes: {lang: {$order: ["9"]}}',
            "E-NAME-UNKNOWN",
            "there is no value '9' to order",
            24,
            "known: 3, 2, 1",
        ),
        ("axes: {lang: {$order: 9}}", "E-MERGE-TYPE", "$order must be a list of names", 15, ""),
        ("images: {base: {$replace: yes please}}", "E-MERGE-TYPE", "$replace must be true", 17, ""),
        (
            "images: {new: {$replace: true, from: base}}",
            "E-MERGE-NOTHING",
            "there is nothing below images.new to replace",
            16,
            "",
        ),
        ("- a", "E-MERGE-TYPE", "not a mapping", 1, ""),
    ],
)
def test_what_cannot_be_merged(upper: str, id: str, message: str, column: int, hint: str) -> None:
    _, errors = merged(upper + "\n")
    found = [
        (error.id, error.message, error.location and error.location.column, error.hint)
        for error in errors
    ]
    assert found == [(id, message, column, hint)]


TREES = st.recursive(
    st.sampled_from(["x", "y", 1]),
    lambda inner: (
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=3) | st.lists(inner, max_size=2)
    ),
    max_leaves=6,
)
CATALOGS = st.dictionaries(st.sampled_from("pqrs"), TREES, max_size=3)


def as_layer(name: str, data: object) -> Layer:
    return layer(name, json.dumps(data))


@settings(max_examples=60, deadline=None)
@given(CATALOGS, CATALOGS, CATALOGS)
def test_catalogs_on_a_merged_one_are_as_on_its_parts(low: dict, mid: dict, top: dict) -> None:  # type: ignore[type-arg]
    """((A, B), C) has the data of (A and B written as one, C)."""
    two, problems = merge([as_layer("low", low), as_layer("mid", mid)], Matrix)
    three, errors = merge(
        [as_layer(name, data) for name, data in zip("abc", (low, mid, top), strict=True)], Matrix
    )
    flat, more = merge([as_layer("ab", two.data), as_layer("c", top)], Matrix)
    assert three.data == flat.data
    assert len(errors) == len(problems) + len(more)


def test_three_catalogs_of_hundreds_of_names_are_merged_at_once() -> None:
    names = "".join(
        f"  image-{number}: {{from: base, axes: [a, b], only: {{a: [x, y]}}, publish: false}}\n"
        for number in range(300)
    )
    lower = layer("low", "images:\n" + names)
    upper = layer("mid", "images:\n" + names.replace("publish: false", "publish: true"))
    begin = time.perf_counter()
    document, errors = merge([lower, upper, layer("", "images: {image-7: null}\n")], Matrix)
    assert time.perf_counter() - begin < 1
    assert (len(document.data["images"]), errors) == (299, [])
