"""YAML that every reader takes for the same."""

from __future__ import annotations

import pytest

from builder.catalog.yaml_document import load, load_as_helm
from builder.common.yaml_writer import Inline, block, key_text, scalar


@pytest.mark.parametrize("text", ["a", "_a", "a-b_1", "created"])
def test_a_key_that_stands_plain(text: str) -> None:
    assert key_text(text) == text


@pytest.mark.parametrize(
    "text", ["", "y", "No", "null", "1", "1.10", "a b", "a:b", "é", "-", "a\u2028b", "a\x85b", '"']
)
def test_a_text_that_is_quoted_is_the_same_to_every_reader(text: str) -> None:
    assert key_text(text).startswith('"')
    line = f"{key_text(text)}: {scalar(text)}"
    assert len(line.splitlines()) == 1
    for reader in (load, load_as_helm):
        assert reader(line, "values.yaml")[0].data == {text: text}


def test_blocks_nest_and_what_is_empty_or_inline_stands_on_one_line() -> None:
    data = {
        "a": {"b": 1, "c": ["x", {"d": True, "e": ["y"]}, ["z", {}]]},
        "no": [],
        "f": Inline({"g": [1, 2]}),
        "h": None,
    }
    lines = list(block(data, comment=lambda path: ["", "# of b"] if path == ("a", "b") else []))
    assert lines == [
        "a:",
        "",
        "  # of b",
        "  b: 1",
        "  c:",
        '    - "x"',
        "    - d: true",
        "      e:",
        '        - "y"',
        '    - - "z"',
        "      - {}",
        '"no": []',
        'f: {"g": [1, 2]}',
        "h: null",
    ]
    for reader in (load, load_as_helm):
        read = reader("\n".join(lines), "values.yaml")[0].data
        assert read == {**data, "f": {"g": [1, 2]}}


def test_nothing_is_no_line() -> None:
    assert list(block({})) == []
