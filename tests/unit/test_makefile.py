"""What `make run` builds: small enough for a first look."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from builder.selection import select
from builder.workspace import Workspace

ROOT = Path(__file__).parents[2]


def test_the_starter_slice_is_light_and_on_both_debians() -> None:
    text = (ROOT / "Makefile").read_text().replace("\\\n", "")
    match = re.search(r"^STARTER := (.*)$", text, re.MULTILINE)
    assert match
    words = [word for word in shlex.split(match[1]) if word != "-s"]
    expansion = Workspace(ROOT).load().expansion
    found = [expansion.targets[key] for key in select(expansion, words)]
    images = {target.cell.image for target in found}
    assert {"base", "python-minimal", "r-minimal", "jupyter-python"} <= images
    assert {target.cell.values["debian"] for target in found} == {"13", "12"}
    assert {target.cell.values.get("cuda", "none") for target in found} == {"none"}
    assert len(found) <= 14
