"""What a user picks."""

from __future__ import annotations

import pytest

from builder.catalog.selection import find, select
from builder.common.errors import SelectionError
from tests.fakes.matrices import expanded

TEXT = """
axes:
  os: {"2": {sources: [{bootstrap: two}]}, "1": {sources: [{bootstrap: one}]}}
  a: {x: {}, y: {}}
images:
  base: {from: os, axes: [os]}
  tool: {from: base}
  desk-a: {from: base, axes: [a], only: {os: "2"}}
  desk-b: {from: base, inputs: [tool], only: {os: "1"}}
  top: {from: desk-a, only: {a: x}}
"""
EVERYTHING = (
    "base/os=2", "base/os=1", "tool/os=2", "tool/os=1",
    "desk-a/os=2,a=x", "desk-a/os=2,a=y", "desk-b/os=1", "top/os=2,a=x",
)  # fmt: skip


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        ([], EVERYTHING),
        (["*"], EVERYTHING),
        (["tool"], ["tool/os=2", "tool/os=1"]),
        (["desk-*"], ["desk-a/os=2,a=x", "desk-a/os=2,a=y", "desk-b/os=1"]),
        (["desk-?"], ["desk-a/os=2,a=x", "desk-a/os=2,a=y", "desk-b/os=1"]),
        (["desk-a/*a=y"], ["desk-a/os=2,a=y"]),
        (["desk-a/os=2,a=x"], ["desk-a/os=2,a=x"]),
        (["os=1"], ["base/os=1", "tool/os=1", "desk-b/os=1"]),
        (["a=x"], ["desk-a/os=2,a=x", "top/os=2,a=x"]),
        (["desk-*,a=y"], ["desk-a/os=2,a=y"]),
        (["os=1,tool"], ["tool/os=1"]),
        (["top", "a=y"], ["desk-a/os=2,a=y", "top/os=2,a=x"]),
        (["top", "base,os=1"], ["base/os=1", "top/os=2,a=x"]),
        (["+top"], ["base/os=2", "desk-a/os=2,a=x", "top/os=2,a=x"]),
        (["+desk-b"], ["base/os=1", "tool/os=1", "desk-b/os=1"]),
        (["tool,os=1+"], ["tool/os=1", "desk-b/os=1"]),
        (["+desk-a,a=x+"], ["base/os=2", "desk-a/os=2,a=x", "top/os=2,a=x"]),
        (["base,os=2+"], [
            "base/os=2", "tool/os=2", "desk-a/os=2,a=x", "desk-a/os=2,a=y", "top/os=2,a=x",
        ]),
    ],
)  # fmt: skip
def test_expressions(expressions: list[str], expected: list[str]) -> None:
    _, expansion = expanded(TEXT)
    assert select(expansion, expressions) == tuple(expected)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("tol", "no target matches 'tol'\n  hint: did you mean tool or top?"),
        (
            "desk-a/os=1",
            "no target matches 'desk-a/os=1'\n"
            "  hint: did you mean desk-b/os=1 or desk-a/os=2,a=y or desk-a/os=2,a=x?",
        ),
        ("os=3", "no target matches 'os=3'\n  hint: did you mean os=2 or os=1?"),
        ("desk-b,os=2", "no target matches 'desk-b,os=2'\n"
         "  hint: did you mean desk-b or desk-a or os=2?"),
        ("+nix", "no target matches '+nix'\n  hint: known: base, tool, desk-a, desk-b, top,"
                 " os=2, os=1, a=x, a=y"),
    ],
)  # fmt: skip
def test_nothing_is_selected(expression: str, text: str) -> None:
    _, expansion = expanded(TEXT)
    with pytest.raises(SelectionError) as caught:
        select(expansion, [expression])
    assert str(caught.value) == text
    assert caught.value.exit_code == 3


def test_one_of_several_expressions_that_picks_nothing_is_a_mistake() -> None:
    _, expansion = expanded(TEXT)
    with pytest.raises(SelectionError, match="no target matches 'nix'"):
        select(expansion, ["tool", "nix"])


def test_find_takes_an_id_an_image_or_a_glob_that_is_one() -> None:
    _, expansion = expanded(TEXT)
    assert find(expansion, "desk-a/os=2,a=y").id == "desk-a/os=2,a=y"
    assert find(expansion, "desk-a").id == "desk-a/os=2,a=x"
    assert find(expansion, "desk-b*").id == "desk-b/os=1"


def test_find_refuses_several() -> None:
    _, expansion = expanded(TEXT)
    with pytest.raises(SelectionError) as caught:
        find(expansion, "os=1")
    assert str(caught.value) == (
        "'os=1' names 3 targets\n  hint: base/os=1, tool/os=1, desk-b/os=1"
    )
