"""yamllint on the files of a chart that people write and read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from yamllint import linter
from yamllint.config import YamlLintConfig

# Chart authors write long descriptions, and helm's files have no document start.
STYLE = "{extends: default, rules: {line-length: disable, document-start: disable}}"


def yamllint(chart: Path) -> Iterator[str]:
    """What is wrong with a chart's own YAML, as `file:line:column: problem`."""
    cases = sorted(f"ci/{path.name}" for path in (chart / "ci").glob("*-values.yaml"))
    for name in ("Chart.yaml", "values.yaml", *cases):
        path = chart / name
        if path.is_file():
            yield from (f"{name}:{problem}" for problem in _problems(path.read_text()))
        else:
            yield f"{name} is missing"


@lru_cache(maxsize=256)  # the cases of a feature are the same in every chart that has it
def _problems(text: str) -> tuple[str, ...]:
    found = linter.run(text, YamlLintConfig(STYLE))
    return tuple(f"{problem.line}:{problem.column}: {problem.desc}" for problem in found)
