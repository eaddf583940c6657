"""The ids of errors: each that the builder uses is explained in docs/overlay-errors.md."""

from __future__ import annotations

import re

from tests.unit.docs import markdown

PAGE = markdown.ROOT / "docs/overlay-errors.md"


def test_each_id_of_an_error_is_explained_and_none_else() -> None:
    used = {
        found
        for path in (markdown.ROOT / "builder").rglob("*.py")
        for found in re.findall(r'"(E-[A-Z]+(?:-[A-Z]+)+)"', path.read_text(encoding="utf-8"))
    }
    explained = re.findall(r"^\| (E-[A-Z-]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(explained) == sorted(used)
