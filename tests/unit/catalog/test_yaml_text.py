"""Changes of a YAML text that leave every other byte as it is."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.catalog import yaml_document as documents
from builder.catalog.yaml_text import with_copy, with_entry, with_value, without
from builder.common.errors import BuilderError

ROOT = Path(__file__).parents[3]
TEXT = """\
# The lines.
axes:
  # of Python
  python:   # in order
    "3.13": {provider: apt, tag: "py{version}", eol: 2029-10-31}   # the default
    '3.11':
      provider: apt   # of Debian 12
      eol: 2027-10-31

    # testing
    "3.15":

  spark: {none: {}, "4.3": {provider: pypi}}
images: {}
charts:   # what is offered
  lab:
    only: {python: ["3.13", '3.11'], spark: [none]}
    lists:
      - "3.13"   # first
      # of Debian 12
      - '3.11'
      - name: x
        tag: y
"""


def difference(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line.rstrip("\n") for line in lines if line[:1] in "+-"]


@pytest.mark.parametrize(
    ("path", "value", "lines"),
    [
        (("axes", "python", "3.13", "eol"), "2030-01-01",
         ['-     "3.13": {provider: apt, tag: "py{version}", eol: 2029-10-31}   # the default',
          '+     "3.13": {provider: apt, tag: "py{version}", eol: 2030-01-01}   # the default']),
        (("axes", "python", "3.13", "release_line"), "3.13",
         ['-     "3.13": {provider: apt, tag: "py{version}", eol: 2029-10-31}   # the default',
          '+     "3.13": {provider: apt, tag: "py{version}", eol: 2029-10-31, release_line: "3.13"}'
          "   # the default"]),
        (("axes", "python", "3.11", "eol"), "2027-12-31",
         ["-       eol: 2027-10-31", "+       eol: 2027-12-31"]),
        (("axes", "python", "3.11", "tag"), "py",
         ["+       tag: py"]),
        (("axes", "python", "3.15", "eol"), "2031-10-31",
         ['-     "3.15":', '+     "3.15": {eol: 2031-10-31}']),
        (("axes", "python", "3.13"), {"provider": "uv", "keep": 2},
         ['-     "3.13": {provider: apt, tag: "py{version}", eol: 2029-10-31}   # the default',
          '+     "3.13": {provider: uv, keep: 2}   # the default']),
        (("axes", "python"), ["3.13"],
         ["-   python:   # in order", '+   python: ["3.13"]   # in order',
          '-     "3.13": {provider: apt, tag: "py{version}", eol: 2029-10-31}   # the default',
          "-     '3.11':", "-       provider: apt   # of Debian 12", "-       eol: 2027-10-31",
          "- ", "-     # testing", '-     "3.15":']),
        (("charts", "lab", "only", "python", 1), "3.12",
         ["-     only: {python: [\"3.13\", '3.11'], spark: [none]}",
          "+     only: {python: [\"3.13\", '3.12'], spark: [none]}"]),
        (("charts", "lab", "lists", 1), "3.12", ["-       - '3.11'", "+       - '3.12'"]),
        (("charts", "lab", "lists", 2), {"name": "z"},
         ["-       - name: x", '+       - {name: z}', "-         tag: y"]),
        (("axes", "spark", "none", "tag"), "",
         ['-   spark: {none: {}, "4.3": {provider: pypi}}',
          '+   spark: {none: {tag: ""}, "4.3": {provider: pypi}}']),
    ],
)  # fmt: skip
def test_a_value_of_a_key(path: tuple[str, ...], value: object, lines: list[str]) -> None:
    assert difference(TEXT, with_value(TEXT, path, value)) == lines


def test_a_copy_has_the_style_of_what_it_is_like() -> None:
    assert difference(TEXT, with_copy(TEXT, ("axes", "python"), "3.16", "3.11")) == [
        "+     '3.16':", "+       provider: apt   # of Debian 12", "+       eol: 2027-10-31",
    ]  # fmt: skip
    assert difference(TEXT, with_copy(TEXT, ("axes", "python"), "3.16", "3.13")) == [
        '+     "3.16": {provider: apt, tag: "py{version}", eol: 2029-10-31}'
    ]
    assert difference(TEXT, with_copy(TEXT, ("axes", "spark"), "4.4", "4.3")) == [
        '-   spark: {none: {}, "4.3": {provider: pypi}}',
        '+   spark: {none: {}, "4.3": {provider: pypi}, "4.4": {provider: pypi}}',
    ]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        (("axes", "python", "3.11"),
         ["-     '3.11':", "-       provider: apt   # of Debian 12", "-       eol: 2027-10-31"]),
        (("axes", "python", "3.11", "eol"), ["-       eol: 2027-10-31"]),
        (("axes", "python", "3.13", "eol"),
         ['-     "3.13": {provider: apt, tag: "py{version}", eol: 2029-10-31}   # the default',
          '+     "3.13": {provider: apt, tag: "py{version}"}   # the default']),
        (("axes", "python", "3.13", "provider"),
         ['-     "3.13": {provider: apt, tag: "py{version}", eol: 2029-10-31}   # the default',
          '+     "3.13": {tag: "py{version}", eol: 2029-10-31}   # the default']),
        (("axes", "spark", "4.3", "provider"),
         ['-   spark: {none: {}, "4.3": {provider: pypi}}',
          '+   spark: {none: {}, "4.3": {}}']),
        (("axes", "python", "3.12"), []),
        (("axes", "python", "3.15"), ["-     # testing", '-     "3.15":']),
        (("charts", "lab", "only", "python", 0),
         ["-     only: {python: [\"3.13\", '3.11'], spark: [none]}",
          "+     only: {python: ['3.11'], spark: [none]}"]),
        (("charts", "lab", "only", "python", 1),
         ["-     only: {python: [\"3.13\", '3.11'], spark: [none]}",
          '+     only: {python: ["3.13"], spark: [none]}']),
        (("charts", "lab", "only", "spark", 0),
         ["-     only: {python: [\"3.13\", '3.11'], spark: [none]}",
          "+     only: {python: [\"3.13\", '3.11'], spark: []}"]),
        (("charts", "lab", "lists", 1), ["-       # of Debian 12", "-       - '3.11'"]),
        (("charts", "lab", "lists", 2, "name"),
         ["-       - name: x", "-         tag: y", "+       - tag: y"]),
    ],
)  # fmt: skip
def test_what_is_taken_out(path: tuple[str, ...], lines: list[str]) -> None:
    assert difference(TEXT, without(TEXT, path)) == lines


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("axes", "pithon", "3.13", "eol"), "axes.pithon is not in this file"),
        (("axes", "python", "3.12", "eol"), "axes.python.3.12 is not in this file"),
        (("axes", "python", "3.13", "eol", "x"), "axes.python.3.13.eol is no mapping"),
        (("charts", "lab", "lists", 7), "charts.lab.lists.7 is not in this file"),
    ],
)
def test_what_is_not_there(path: tuple[str, ...], message: str) -> None:
    with pytest.raises(BuilderError) as caught:
        with_value(TEXT, path, "2030-01-01")
    assert str(caught.value) == message


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "section", "lines"),
    [
        (TEXT, "axes", ["+   # why", "+   new: {a: 1}"]),
        (TEXT, "images", ["- images: {}", "+ images:", "+   # why", "+   new: {a: 1}"]),
        (TEXT, "features", ["+ features:", "+   # why", "+   new: {a: 1}"]),
        ("a: 1\nimages: # none\n\n# end", "images", ["+   # why", "+   new: {a: 1}"]),
        ("images: # none\n", "images",
         [ "+   # why", "+   new: {a: 1}"]),
    ],
)  # fmt: skip
def test_an_entry_below_a_comment(text: str, section: str, lines: list[str], newline: str) -> None:
    changed = with_entry(
        text.replace("\n", newline), "matrix.yaml", (section, "new"), {"a": 1}, ["why"]
    )
    assert changed.count("\r\n") == (changed.count("\n") if newline == "\r\n" else 0)
    assert difference(text, changed.replace("\r\n", "\n")) == lines


@pytest.mark.parametrize(
    "name", ["a: b", "x }", "ünder", "- z", "# c", "yes", "12", "it's", '"', ""]
)
def test_texts_that_need_quotes(name: str) -> None:
    for like in ("3.13", "3.11"):
        text = with_copy(TEXT, ("axes", "python"), name, like)
        text = with_value(text, ("axes", "python", name, "eol"), name)
        assert documents.load(text, "f")[0].data["axes"]["python"][name]["eol"] == name


def test_ends_of_lines_and_of_the_file() -> None:
    short = "axes:\r\n  a:\r\n    '1': {x: y}"
    text = with_copy(short, ("axes", "a"), "2", "1")
    assert text == "axes:\r\n  a:\r\n    '1': {x: y}\r\n    '2': {x: y}"
    folded = "a:\n  one: |\n    text\n    more\nb: {}\n"
    assert (
        with_value(folded, ("a", "two"), "x")
        == "a:\n  one: |\n    text\n    more\n  two: x\nb: {}\n"
    )


NAMES = st.sampled_from(["3.13", "none", "a b", "ü", "it's", "x-1", "12", "#", "yes"])
VALUES = st.recursive(
    st.sampled_from(["2029-10-31", "apt", "py{version}", "", "a: b", "ü"]),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
KINDS = st.sampled_from(["block", "flow"])


def rendered(data: object, kinds: list[str], indent: int = 0) -> str:
    """Write data in a style that is drawn: block or flow, with comments."""
    if isinstance(data, str):
        return (
            f"'{data}'" if "'" not in data and kinds[indent % len(kinds)] == "flow" else f'"{data}"'
        )
    assert isinstance(data, dict)
    if not data or (indent and kinds[indent % len(kinds)] == "flow"):
        return (
            "{"
            + ", ".join(f'"{key}": {rendered(value, ["flow"], 1)}' for key, value in data.items())
            + "}"
        )
    lines = []
    for key, value in data.items():
        text = rendered(value, kinds, indent + 1)
        lines.append(f"{'  ' * indent}# above {indent}")
        gap = "\n" if text.startswith(" ") else " "
        lines.append(f'{"  " * indent}"{key}":{gap}{text}{"" if chr(10) in text else "  # behind"}')
    return "\n".join(lines)


AXES = st.dictionaries(NAMES, VALUES, min_size=1, max_size=3)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    data=st.dictionaries(NAMES, AXES, min_size=1, max_size=3),
    kinds=st.lists(KINDS, min_size=1, max_size=4),
    ends=st.sampled_from(["", "\n", "\n\n# the end\n"]),
    line=st.sampled_from(["\n", "\r\n"]),
    choice=st.integers(0, 2),
)  # fmt: skip
def test_every_style(
    data: dict[str, dict[str, object]], kinds: list[str], ends: str, line: str, choice: int
) -> None:
    text = (rendered(data, kinds) + ends).replace("\n", line)
    assert documents.load(text, "f")[0].data == data
    axis = list(data)[choice % len(data)]
    like = next(iter(data[axis]))
    copied = with_copy(text, (axis,), "new", like)
    assert without(copied, (axis, "new")) == text or ends == ""
    begin = text.index(f'\n"{axis}":')
    next_one = text.find("# above 0", begin)
    replaced = with_value(text, (axis,), {"x": [1]})
    assert replaced.startswith(text[:begin])
    assert replaced.endswith(text[next_one:] if next_one >= 0 else ends.replace("\n", line))
    if kinds[1 % len(kinds)] == "block":
        entered = with_entry(text, "f", (axis, "added"), [1], ["why"])
        assert without(entered, (axis, "added")) == text or ends == ""
    changed = with_value(text, (axis, "added"), "x: y")
    assert set(difference(text, without(changed, (axis, "added")))) <= {"+", "-"} or ends == ""


@pytest.mark.slow
def test_this_catalog() -> None:
    text = (ROOT / "matrix.yaml").read_text(encoding="utf-8")
    axes = documents.load(text, "f")[0].data["axes"]
    for axis in ("debian", "python", "spark", "pytorch"):
        last = list(axes[axis])[-1]
        copied = with_copy(text, ("axes", axis), "99", last)
        assert len(difference(text, copied)) <= 8
        assert without(copied, ("axes", axis, "99")) == text
