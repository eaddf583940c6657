"""Rules about charts, and the findings where a chart breaks one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from builder.catalog.models import Path
from builder.charts.onyxia.schema_nodes import json_path

FATAL: Final = "fatal"
"""The severity of a finding that hides the form or makes a launch fail."""
WARNING: Final = "warning"
"""The severity of a finding that makes something work differently than described."""
NOTE: Final = "note"
"""The severity of a finding that is only worth knowing."""

SEVERITIES: Final = (FATAL, WARNING, NOTE)
SCHEMA: Final = "values.schema.json"
VALUES: Final = "values.yaml"
CHART: Final = "Chart.yaml"
NOTES: Final = "templates/NOTES.txt"

About = TypeVar("About")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A breach of a rule, at `path` in a file, or at its line and column."""

    message: str
    hint: str = ""
    path: Path = ()
    file: str = ""  # where it is not the rule's own
    line: int = 0
    column: int = 0


@dataclass(frozen=True)
class Rule(Generic[About]):
    """A rule about `About`, a part of a chart. `file` is where its findings are, by default."""

    id: str
    severity: str
    file: str
    check: Callable[[About], Iterable[Problem]]

    def findings(self, about: About) -> list[Finding]:
        """Return a finding for every breach of the rule."""
        return [
            Finding(
                rule=self.id,
                severity=self.severity,
                file=problem.file or self.file,
                path=problem.path,
                line=problem.line,
                column=problem.column,
                message=problem.message,
                hint=problem.hint,
            )
            for problem in self.check(about)
        ]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A breach of a rule, with its location. Lines and columns count from 1; 0 means unknown."""

    rule: str
    severity: str
    file: str  # below the chart's folder
    message: str
    hint: str = ""
    path: Path = ()
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `file:line:column: JSON path: rule: severity: message`, and the hint below."""
        location = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        path = f"{json_path(self.path)}: " if self.path else ""
        text = f"{location}: {path}{self.rule}: {self.severity}: {self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text
