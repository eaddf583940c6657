"""What tests ask of the Markdown of this repository: its links, headings and code."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
# Written by hand for people, so that what they show is what somebody types.
SHOWN = (
    ROOT / "README.md",
    ROOT / ".github/CONTRIBUTING.md",
    ROOT / "charts/README.md",
    ROOT / "builder/starter/README.md",
    ROOT / "builder/starter_overlay/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
)
_BREAKS = {"&&", "||", ";", "|", "&", ">", ">>", "<"}


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


_BLOCKS, _BETWEEN_WORDS = ("fence", "code_block"), ("code_inline",)


def code(text: str, kinds: Sequence[str] = (*_BLOCKS, *_BETWEEN_WORDS)) -> list[str]:
    """Return each line of code of a text, in its order: of blocks, and between words."""
    found = [token for token in tokens(text) if token.type in kinds]
    return [line for token in found for line in token.content.replace("\\\n", " ").splitlines()]


def blocks(text: str) -> list[str]:
    """Return the lines of the blocks of code of a text."""
    return code(text, _BLOCKS)


def between_words(text: str) -> list[str]:
    """Return each piece of code that stands between words."""
    return code(text, _BETWEEN_WORDS)


def commands_in(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield each command of the builder in lines of code, as arguments without `builder`."""
    for line in lines:
        if not re.search(r"(^|[\s/(])builder [a-z]", line):
            continue
        words: list[str] = []
        written = re.sub(r"<(\w+)>", r"\1", line)  # <name> is what somebody puts there
        lexer = shlex.shlex(written, posix=True, punctuation_chars=True)
        lexer.wordchars += "…[]{}+:,@$*"
        for word in [*lexer, ";"]:
            if word not in _BREAKS:
                words.append(word)
                continue
            if words and words[0].rsplit("/", 1)[-1] == "builder":
                yield words[1:]
            words = []


def first_column(text: str) -> list[str]:
    """Return the first variant of each row of a text's tables, without the signs of code."""
    rows = re.findall(r"^\| *([^|]+?) *\|", text, re.MULTILINE)
    return [row.replace("`", "") for row in rows]
