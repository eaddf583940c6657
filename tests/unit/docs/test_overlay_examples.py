"""The examples of docs/overlay.md, on the catalog of this repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.project import Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.unit.docs import markdown

PAGE = markdown.ROOT / "docs/overlay.md"
TOP = f"extends: {{path: {markdown.ROOT}, name: upstream}}\n"
NAMES = ("patches", "catalog", "offer")


def example(name: str) -> str:
    """The example of the page that begins with this key."""
    found = markdown.tokens(PAGE.read_text(encoding="utf-8"))
    texts = [token.content for token in found if token.type == "fence" and token.info == "yaml"]
    return next(text for text in texts if text.startswith(f"{name}:"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_catalog_that_can_be_read(name: str, tmp_path: Path) -> None:
    text = example(name)
    named = "" if text.startswith("catalog:") else "catalog: {name: mine}\n"
    (tmp_path / "matrix.yaml").write_text(TOP + named + text, encoding="utf-8")
    project = Workspace(tmp_path).load(ecosystems=ECOSYSTEMS)
    charts, matched = set(project.declared.charts), project.catalog.matrix.matched
    if name == "patches":
        assert list(matched) == ["clusters", "spark", "one-line", "kerberos", "words"]
        assert all(matched.values())
    elif name == "catalog":
        assert {"notebook", "jupyter-python"} <= charts
        assert "python" in project.declared.variants
    else:
        assert charts == {"jupyter-python", "postgresql"}
