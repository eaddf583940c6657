"""Checks a chart by all rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from builder.charts.onyxia.chart_files import ChartFiles, documents, read
from builder.charts.onyxia.finding import CHART, FATAL, SCHEMA, VALUES, Finding, Rule
from builder.charts.onyxia.rules_chart import CHART_RULES, HEAD_RULES
from builder.charts.onyxia.rules_defaults import DEFAULT_RULES, Defaults
from builder.charts.onyxia.rules_manifests import POD_RULES, Rendered
from builder.charts.onyxia.rules_schema import NODE_RULES, SLIDER_RULES
from builder.charts.onyxia.rules_templates import TEMPLATE_RULES
from builder.charts.onyxia.rules_values import VALUE_RULES

ALL_RULES = (
    *HEAD_RULES, *CHART_RULES, *TEMPLATE_RULES, *VALUE_RULES, *NODE_RULES, *SLIDER_RULES,
    *POD_RULES, *DEFAULT_RULES,
)  # fmt: skip
"""Every rule, for the page that lists them."""


def check(
    files: Mapping[str, bytes],
    rendered: Sequence[Rendered] = (),
    defaults: Defaults | None = None,
) -> tuple[Finding, ...]:
    """List what is wrong with a chart, by file and location.

    `rendered` is the output of Helm, and `defaults` what of it the rules about defaults look at.
    """
    chart, findings = read(files)
    if chart.is_library:
        # It has no form of its own, and no pods.
        findings = [finding for finding in findings if finding.file == CHART]
        return _placed(chart, [*findings, *_of(chart, HEAD_RULES)])
    if not {VALUES, SCHEMA} & {finding.file for finding in findings}:
        findings += _of(chart, VALUE_RULES)  # which compare the two
    for rules in (HEAD_RULES, CHART_RULES, TEMPLATE_RULES, SLIDER_RULES):
        findings += _of(chart, rules)
    findings += [
        finding for rule in NODE_RULES for node in chart.nodes for finding in rule.findings(node)
    ]
    findings += [
        finding
        for rule in POD_RULES
        for manifests in rendered
        for finding in rule.findings(manifests)
    ]
    if defaults is not None:
        findings += [finding for rule in DEFAULT_RULES for finding in rule.findings(defaults)]
    return _placed(chart, findings)


def _of(chart: ChartFiles, rules: Sequence[Rule[ChartFiles]]) -> list[Finding]:
    return [finding for rule in rules for finding in rule.findings(chart)]


def _placed(chart: ChartFiles, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return each finding once, in order, with its line where the file can be read."""
    texts = {
        document.file: document
        for document in documents(chart, {finding.file for finding in findings})
    }
    placed = dict.fromkeys(
        replace(finding, line=location.line, column=location.column)
        if finding.file in texts
        and finding.path
        and (location := texts[finding.file].at_key(finding.path))
        else finding
        for finding in findings
    )
    return tuple(
        sorted(
            placed, key=lambda finding: (finding.file, finding.line, finding.column, finding.rule)
        )
    )


def fatal(findings: Sequence[Finding]) -> list[Finding]:
    """Return the fatal findings."""
    return [finding for finding in findings if finding.severity == FATAL]
