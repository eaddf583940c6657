"""Configure Sphinx, which makes a site of these pages: `make docs`.

The source folder is the repository, so that links to READMEs outside of docs/ are followed too.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

project = "Catalog builder"
extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = [
    "docs/*.md",
    "docs/charts/*.md",
    "README.md",
    "SECURITY.md",
    "images/*/README.md",
    "charts/README.md",
    "charts/*/README.md",
    ".github/CONTRIBUTING.md",
]
html_theme = "furo"
html_title = "Catalog builder"
myst_heading_anchors = 4  # links name headings as GitHub does

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_RECIPES = "/images/*/README\n/charts/library/README"
_PAGE = re.compile(r"\]\(([\w./-]+)\.md\)")


def _add_navigation(_app: Sphinx, name: str, content: list[str]) -> None:
    """Give the first page the tables of contents that its lists of links stand for."""
    if name != root_doc:
        return
    parts = _SECTION.split(content[0])
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    trees = {
        title.partition(":")[0]: "\n".join(dict.fromkeys(_PAGE.findall(text)))
        for title, text in sections.items()
    }
    for title, pages in {**trees, "Recipes": _RECIPES}.items():
        content[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {title}\n\n{pages}\n```\n"


def setup(app: Sphinx) -> None:
    """Register what this file adds to Sphinx."""
    app.connect("source-read", _add_navigation)
