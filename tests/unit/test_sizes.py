"""Functions and modules are short enough to be read at once."""

from __future__ import annotations

import ast
from pathlib import Path

BUILDER = Path(__file__).parents[2] / "builder"
MODULES = [
    path
    for path in sorted(BUILDER.rglob("*.py"))
    if not {"shared", "starter", "scaffold"} & set(path.relative_to(BUILDER).parts)
]


def test_no_function_is_longer_than_forty_lines() -> None:
    long = [
        f"{path.relative_to(BUILDER)}: {node.name} has {lines} lines"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > 40
    ]
    assert long == []


def test_no_module_is_longer_than_five_hundred_lines() -> None:
    lengths = {
        path.relative_to(BUILDER).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for path in MODULES
    }
    assert {name: lines for name, lines in lengths.items() if lines > 500} == {}
