"""What tests ask of the Markdown of this repository: its links, headings and code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]


def files() -> list[Path]:
    """Return every Markdown file of the repository."""
    tops = [
        path
        for path in ROOT.iterdir()
        if path.name == ".github" or (path.name[0] != "." and path.name != "build")
    ]
    below = [file for top in tops if top.is_dir() for file in top.rglob("*.md")]
    return sorted([*below, *(path for path in tops if path.suffix == ".md")])


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text, with those inside of its lines."""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield token
        yield from token.children or ()


def links(text: str) -> list[str]:
    """Return where links and images of a text lead."""
    found = [token.attrGet("href") or token.attrGet("src") for token in tokens(text)]
    return [str(target) for target in found if target]


def headings(text: str) -> set[str]:
    """Return the anchors of a text's headings, as GitHub makes them."""
    seen: Counter[str] = Counter()
    anchors = set()
    parsed = MarkdownIt("commonmark").parse(text)
    for opening, line in pairwise(parsed):
        if opening.type == "heading_open":
            words = "".join(part.content for part in line.children or ())
            anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            anchors.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
            seen[anchor] += 1
    return anchors


def code(text: str) -> list[str]:
    """Return each piece of code of a text that stands on one line: of blocks, and between words."""
    found: list[str] = []
    for token in tokens(text):
        if token.type in ("fence", "code_block"):
            found.extend(token.content.replace("\\\n", " ").splitlines())
        elif token.type == "code_inline":
            found.append(token.content)
    return found


def first_column(text: str) -> list[str]:
    """Return the first variant of each row of a text's tables, without the signs of code."""
    rows = re.findall(r"^\| *([^|]+?) *\|", text, re.MULTILINE)
    return [row.replace("`", "") for row in rows]
