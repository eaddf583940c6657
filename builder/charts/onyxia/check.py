"""All rules on one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from builder.charts.onyxia.chart_files import ChartFiles, documents, read
from builder.charts.onyxia.finding import CHART, FATAL, SCHEMA, VALUES, Finding, Rule
from builder.charts.onyxia.rules_chart import CHART_RULES, HEAD_RULES
from builder.charts.onyxia.rules_manifests import POD_RULES, Rendered
from builder.charts.onyxia.rules_schema import NODE_RULES, SLIDER_RULES
from builder.charts.onyxia.rules_values import VALUE_RULES


def check(files: Mapping[str, bytes], rendered: Sequence[Rendered] = ()) -> tuple[Finding, ...]:
    """List what is wrong with a chart, by file and location; `rendered` is the output of Helm."""
    chart, found = read(files)
    if chart.is_library:
        # It has no form of its own, and no pods.
        found = [finding for finding in found if finding.file == CHART]
        return _placed(chart, [*found, *_of(chart, HEAD_RULES)])
    if not {VALUES, SCHEMA} & {finding.file for finding in found}:
        found += _of(chart, VALUE_RULES)  # which compare the two
    found += _of(chart, HEAD_RULES) + _of(chart, CHART_RULES) + _of(chart, SLIDER_RULES)
    found += [item for rule in NODE_RULES for node in chart.nodes for item in rule.findings(node)]
    found += [item for rule in POD_RULES for one in rendered for item in rule.findings(one)]
    return _placed(chart, found)


def _of(chart: ChartFiles, rules: Sequence[Rule[ChartFiles]]) -> list[Finding]:
    return [finding for rule in rules for finding in rule.findings(chart)]


def _placed(chart: ChartFiles, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return each finding once, in order, with its line where the file can be read."""
    texts = {document.file: document for document in documents(chart, {one.file for one in found})}
    placed = dict.fromkeys(
        replace(one, line=place.line, column=place.column)
        if one.file in texts and one.path and (place := texts[one.file].at_key(one.path))
        else one
        for one in found
    )
    return tuple(sorted(placed, key=lambda one: (one.file, one.line, one.column, one.rule)))


def fatal(found: Sequence[Finding]) -> list[Finding]:
    """Return the fatal findings."""
    return [one for one in found if one.severity == FATAL]
