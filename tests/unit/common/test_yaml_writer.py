"""YAML that every reader takes for the same."""

from __future__ import annotations

import pytest

from builder.catalog.yaml_document import load, load_as_helm
from builder.common.yaml_writer import key_text, scalar


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
