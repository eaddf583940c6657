"""A release line goes with what names it."""

from __future__ import annotations

import pytest

from builder.bump.decision import Row
from builder.bump.removal import without_line
from builder.bump.writing import carried_out, without_conditions
from builder.common.errors import BuilderError
from tests.fakes import matrices

TEXT = """\
axes:
  os:
    "2": {sources: [{bootstrap: two}]}
    "1": {sources: [{bootstrap: one}]}   # the old one
  lang:
    "3.13": {provider: apt, requires: {os: ["2", "1"]}}
    # for the old one
    "3.11":
      provider: apt
      requires: {os: "1"}
  jar: {none: {}, "4.3": {provider: pypi}}
images:
  base: {from: os, axes: [os]}
  tool:
    from: base
    axes: [lang]
    only:
      lang:
        - "3.13"   # the new one
        - "3.11"
  part: {from: base, axes: [lang, jar], exclude: [{lang: "3.11", jar: "4.3"}, {lang: "3.13"}]}
  more: {from: base, axes: [lang], only: {lang: [not 3.11]}}
charts: {}
"""


def test_a_line_goes_out_of_every_list() -> None:
    assert without_line(TEXT, "lang", "3.11") == (
        TEXT.replace('    # for the old one\n    "3.11":\n      provider: apt\n', "")
        .replace('      requires: {os: "1"}\n', "")
        .replace('        - "3.11"\n', "")
        .replace('[{lang: "3.11", jar: "4.3"}, {lang: "3.13"}]', '[{lang: "3.13"}]')
        .replace("only: {lang: [not 3.11]}", "only: {}")
    )


@pytest.mark.parametrize(
    ("text", "axis", "name", "message"),
    [
        (TEXT, "os", "1", "axes.lang.3.11.requires.os names no other line:"
         " name others there, or take out what it belongs to"),
        (TEXT, "lang", "3.12", "axes.lang.3.12 is not in this file"),
        ("images: {}\n", "lang", "3.11", "axes.lang.3.11 is not in this file"),
        ('axes: {lang: {"3.11": {}}}\n', "lang", "3.11", "it is the only line of its axis"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_go(text: str, axis: str, name: str, message: str) -> None:
    with pytest.raises(BuilderError) as caught:
        without_line(text, axis, name)
    assert str(caught.value) == message


def test_what_cannot_go_is_left_and_the_rest_is_carried_out() -> None:
    rows = [
        Row(axis="os", line="1", what="retire", why=""),
        Row(axis="lang", line="3.11", what="drop", why=""),
    ]
    written = carried_out(TEXT, matrices.matrix(TEXT), rows)
    assert written.text == without_line(TEXT, "lang", "3.11")
    assert written.done == ("lang=3.11 is taken out, with what named it in matrix.yaml",)
    assert written.left == (
        "os=1: axes.lang.3.11.requires.os names no other line:"
        " name others there, or take out what it belongs to",
    )
    assert written.gone == ("lang=3.11",)


def test_what_a_recipe_has_for_a_line_alone_goes() -> None:
    recipe = (
        "summary: S\nwhen:\n  lang=3.11: {budget: 1 MB}\n  jar, lang=3.11: {budget: 2 MB}\n"
        "  not lang=3.11: {budget: 3 MB}  # lang=3.11\n  lang=3.115: {budget: 4 MB}\n"
    )
    text, numbers = without_conditions("lang=3.11", recipe)
    assert text == (
        "summary: S\nwhen:\n  not lang=3.11: {budget: 3 MB}  # lang=3.11\n"
        "  lang=3.115: {budget: 4 MB}\n"
    )
    assert numbers == (3, 4)
    assert without_conditions("lang=3.1", recipe) == (recipe, ())
