"""Reads `tests/.skip`: the tests of a suite that are not run, and why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

FILE = ".skip"
FORM = "write `test_name: reason`, one a line"
_LINE = re.compile(r"(?P<test>test_\w+)\s*:\s*(?P<reason>\S.*)")


@dataclass(frozen=True, kw_only=True)
class SkippedTest:
    """A test that is not run; `name` is "" for a line that names none."""

    name: str
    reason: str
    line: int
    source: str


def skipped_tests(text: str) -> Iterator[SkippedTest]:
    """Yield what a `.skip` says; empty lines and comments say nothing."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        name, reason = (match["test"], match["reason"]) if match else ("", "")
        yield SkippedTest(name=name, reason=reason, line=number, source=line)


def names_of_tests(source: bytes) -> set[str]:
    """Return the names of the tests in a file of Python."""
    return {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }
