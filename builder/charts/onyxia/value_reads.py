"""Finds the values that the templates of a chart read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from builder.charts.onyxia.chart_files import ChartFiles
from builder.charts.render.templates import reads as find_reads
from builder.common.errors import BuilderError
from builder.common.limits import CHART_FILE, read_json
from builder.common.mappings import mapping

# `.Values` that no key follows: handed on whole, unless `index` or `get` picks from it.
_WHOLE = re.compile(r"\.Values\b(?!\.[A-Za-z_])")
_PICKED = re.compile(r'\b(?:index|get|hasKey)\s+\$?[\w.]*\.Values((?:\s+"[^"]+")+)')


@dataclass(frozen=True, kw_only=True)
class Reads:
    """The values that templates read, by path; with `has_all`, all of them."""

    paths: frozenset[str] = frozenset()
    has_all: bool = False
    below: frozenset[str] = field(default_factory=frozenset)  # passed to a subchart

    def covers(self, path: str) -> bool:
        """Whether the value, a group around it, or a part of it is read."""
        if self.has_all or any(path == top or path.startswith(f"{top}.") for top in self.below):
            return True
        parts = path.split(".")
        above = {".".join(parts[: end + 1]) for end in range(len(parts))}
        return not above.isdisjoint(self.paths) or any(
            read.startswith(f"{path}.") for read in self.paths
        )


def reads_of(chart: ChartFiles) -> Reads:
    """Find which values the templates of a chart and its subcharts read."""
    texts = dict(chart.templates)
    paths = {read.path for read in find_reads(texts, "")}
    has_all = False
    for text in texts.values():
        picked = list(_PICKED.finditer(text))
        paths |= {".".join(re.findall(r'"([^"]+)"', match[1])) for match in picked}
        has_all = has_all or len(list(_WHOLE.finditer(text))) > len(picked)
    paths |= {*_conditions(chart.about), *_put_in_order(chart)}
    below = {
        str(dependency.get("alias") or dependency.get("name"))
        for dependency in dependencies(chart.about)
        if not _is_library(chart, str(dependency.get("name")))
    }
    return Reads(paths=frozenset(paths), has_all=has_all, below=frozenset(below))


def dependencies(about: Mapping[str, object]) -> list[Mapping[str, object]]:
    """List the dependencies in a Chart.yaml."""
    listed = about.get("dependencies")
    return (
        [entry for entry in listed if isinstance(entry, Mapping)]
        if isinstance(listed, list)
        else []
    )


def _put_in_order(chart: ChartFiles) -> Iterator[str]:
    """List the values that a chart of this builder moves to others, by its values.json."""
    try:
        known = read_json(chart.files.get("values.json", b"{}"), CHART_FILE, "values.json")
    except BuilderError:
        return
    moves = mapping(known).get("former")
    for move in moves if isinstance(moves, list) else ():
        keys = mapping(move).get("from")
        if isinstance(keys, list):
            yield ".".join(map(str, keys))


def _conditions(about: Mapping[str, object]) -> Iterator[str]:
    """List the values that switch a subchart on."""
    for dependency in dependencies(about):
        yield from (path.strip() for path in str(dependency.get("condition", "")).split(","))


def _is_library(chart: ChartFiles, name: str) -> bool:
    return any(
        subchart.name == name and subchart.is_library for subchart in chart.subcharts.values()
    )
