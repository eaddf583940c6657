"""Rules about the text of templates: what a value can become in a manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from builder.charts.onyxia.chart_files import ChartFiles
from builder.charts.onyxia.finding import FATAL, NOTES, Problem, Rule
from builder.charts.onyxia.template_flow import Flow, evaluated, open_values

_PLAIN = ("boolean", "integer", "number")


def manifests(chart: ChartFiles) -> Mapping[str, str]:
    """Return the templates of a chart and its libraries; its notes are no YAML."""
    libraries = tuple(
        f"charts/{name}/" for name, inner in chart.subcharts.items() if inner.is_library
    )
    return {
        path: text
        for path, text in chart.templates.items()
        if path.startswith(("templates/", *libraries)) and path != NOTES
    }


def is_closed(chart: ChartFiles, path: str) -> bool:
    """Whether the schema lets a value be nothing but a number, a boolean, or one of a list."""
    return any(
        node.kind in _PLAIN or bool({"enum", "const"} & node.schema.keys())
        for node in chart.leaves
        if node.value == path
    )


def _not_quoted(chart: ChartFiles) -> Iterator[Problem]:
    """Require that a value is quoted in a manifest: else its text adds lines and objects to it."""
    texts = manifests(chart)
    for flow in open_values(texts):
        if not is_closed(chart, flow.path) and not _is_for_notes(chart, texts, flow.template):
            name = "a value" if flow.path == "Values" else f"the value {flow.path}"
            message = f"{name} is written as it is: {{{{ {flow.expression} }}}}"
            hint = "end with `| quote`, `| int`, `toYaml` or `toJson`, or give it an enum"
            yield _at(chart, flow, message, hint)


def _is_for_notes(chart: ChartFiles, texts: Mapping[str, str], template: str) -> bool:
    """Whether only the notes include a named template."""
    use = f'"{template}"'
    uses = sum(text.count(use) for text in texts.values())
    return bool(template) and uses == 1 and use in chart.templates.get(NOTES, "")


def _evaluated(chart: ChartFiles) -> Iterator[Problem]:
    """Refuse a value as a template: it reads what the account that runs Helm may read."""
    for flow in evaluated(manifests(chart)):
        message = f"the value {flow.path} is evaluated as a template, by tpl"
        hint = 'replace the words of a closed list in it: `replace "${name}" .Release.Name`'
        yield _at(chart, flow, message, hint)


def _at(chart: ChartFiles, flow: Flow, message: str, hint: str) -> Problem:
    before = chart.templates[flow.file][: flow.offset]
    return Problem(
        message=" ".join(message.split()),
        hint=hint,
        file=flow.file,
        line=before.count("\n") + 1,
        column=len(before) - before.rfind("\n"),
    )


TEMPLATE_RULES: Final[tuple[Rule[ChartFiles], ...]] = (
    Rule("value-not-quoted", FATAL, "templates", _not_quoted),
    Rule("value-in-tpl", FATAL, "templates", _evaluated),
)
