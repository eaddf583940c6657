"""The tests that a suite leaves out, and why."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from builder.common.skipped_tests import names_of_tests, skipped_tests
from builder.testing.plugin import pytest_collection_modifyitems


class Item:
    """A collected test."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name, self.originalname = path, name, name.partition("[")[0]
        self.reason = ""

    def add_marker(self, marker: pytest.MarkDecorator) -> None:
        """Mark it."""
        assert marker.name == "skip"
        self.reason = marker.kwargs["reason"]

    def get_closest_marker(self, _name: str) -> None:
        """It has no other mark."""


def test_a_skipped_test_has_its_reason(tmp_path: Path) -> None:
    for suite, text in (("base", "test_a: it is slow: very\n"), ("desk", "test_b: not ours\n")):
        (tmp_path / suite).mkdir()
        (tmp_path / suite / ".skip").write_text(text, encoding="utf-8")
    (tmp_path / "more").mkdir()
    places = [
        ("base", "test_a"), ("base", "test_a[2]"), ("base", "test_b"), ("desk", "test_a"),
        ("desk", "test_b"), ("more", "test_a"),
    ]  # fmt: skip
    items = [Item(tmp_path / suite / "test_x.py", name) for suite, name in places]
    config = SimpleNamespace(args=[str(tmp_path / suite) for suite in ("base", "desk", "more")])
    pytest_collection_modifyitems(cast(Any, config), cast(Any, items))
    assert [item.reason for item in items] == [
        "it is slow: very", "it is slow: very", "", "", "not ours", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# why\n\n  test_a :  b c \n", [("test_a", "b c", 3)]),
        ("test_a:\n", [("", "", 1)]),
        ("a: b\n", [("", "", 1)]),
        ("test_a[1]: b\n", [("", "", 1)]),
    ],
)
def test_lines(text: str, found: list[tuple[str, str, int]]) -> None:
    assert [(item.name, item.reason, item.line) for item in skipped_tests(text)] == found


def test_tests_are_found_in_classes_too() -> None:
    source = (
        b"import x\nasync def test_a(): ...\nclass TestB:\n  def test_b(self): ...\ndef c(): ...\n"
    )
    assert names_of_tests(source) == {"test_a", "test_b"}
