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
_CHARTS = "docs/charts/README"
_RECIPES = "/images/*/README\n/charts/library/README"
_PAGE = re.compile(r"\]\(([\w./-]+)\.md\)")


def _add_navigation(_app: Sphinx, name: str, content: list[str]) -> None:
    """Give the pages that list others the tables of contents that their lists stand for."""
    if name == root_doc:
        parts = _SECTION.split(content[0])
        sections = dict(zip(parts[1::2], parts[2::2], strict=True))
        trees = {title.partition(":")[0]: _pages(text) for title, text in sections.items()}
        trees["Recipes"] = _RECIPES
    elif name == _CHARTS:
        trees = {"Charts of services": _pages(content[0])}
    else:
        return
    for title, pages in trees.items():
        content[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {title}\n\n{pages}\n```\n"


def _pages(text: str) -> str:
    """Return the pages that a text has links to, one a line."""
    return "\n".join(dict.fromkeys(_PAGE.findall(text)))


def setup(app: Sphinx) -> None:
    """Register what this file adds to Sphinx."""
    app.connect("source-read", _add_navigation)
