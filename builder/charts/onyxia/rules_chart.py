"""Rules about a chart as a whole: Chart.yaml, templates and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from builder.charts.onyxia.chart_files import ChartFiles
from builder.charts.onyxia.finding import CHART, FATAL, NOTE, NOTES, SCHEMA, WARNING, Problem, Rule
from builder.charts.onyxia.rules_schema import quoted
from builder.charts.onyxia.value_reads import dependencies, reads_of
from builder.charts.render.chart import LONGEST, NAME

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_SEMVER = re.compile(r"\d+\.\d+\.\d+(?P<pre>-[0-9A-Za-z.-]+)?(?P<build>\+[0-9A-Za-z.-]+)?")
_PASSWORD = re.compile(r"password: ?([^\n ]+)", re.IGNORECASE)
_SPLIT = "NOTES:"  # Onyxia splits Helm's output here, into manifests and notes
_BASENAME = re.compile(r"\$\(basename [^()\n]*\)\s+\.git")
_EXPOSED = re.compile(r"^\s*kind:\s*[\"']?(Ingress|Route|HTTPRoute|VirtualService)\b", re.MULTILINE)
_ONE_TIME = ("service.oneTimePassword", "project.password")


def _name(chart: ChartFiles) -> Iterator[Problem]:
    """Require a name that leaves room for `-` and six digits in the name of a release."""
    name = chart.name
    if chart.about and (not NAME.fullmatch(name) or len(name) > LONGEST):
        message = f"not a name for a chart: {quoted(name)}"
        hint = f"at most {LONGEST} of a-z, 0-9 and -, as releases are named after it"
        yield Problem(message=message, hint=hint, path=("name",))


def _version(chart: ChartFiles) -> Iterator[Problem]:
    """Require a version of three numbers, and nothing after them."""
    version = str(chart.about.get("version", ""))
    if not chart.about or _VERSION.fullmatch(version):
        return
    match = _SEMVER.fullmatch(version)
    if match is None:
        message, hint = f"not a version: {quoted(version)}", "three numbers, e.g. 1.2.3"
    elif match["pre"]:
        message = f"the version {version} has a suffix"
        hint = "Onyxia never offers such a version, and its services cannot be suspended"
    else:
        message = f"the version {version} has a +"
        hint = "a label or a tag cannot contain it"
    yield Problem(message=message, hint=hint, path=("version",))


def _about(chart: ChartFiles) -> Iterator[Problem]:
    """Require what the catalog shows of a chart."""
    for key in ("description", "icon", "home"):
        if chart.about and not chart.about.get(key):
            yield Problem(message=f"it has no {key}, which the catalog shows")


def _library(chart: ChartFiles) -> Iterator[Problem]:
    """Note that a library is hidden in the catalog."""
    if chart.is_library:
        yield Problem(message="a library is hidden in the catalog", path=("type",))


def _shadow(chart: ChartFiles) -> Iterator[Problem]:
    """Refuse a subchart whose files may be taken for the chart's own."""
    for name, inner in chart.subcharts.items():
        shared_files = {"values.yaml", SCHEMA} & inner.files.keys()
        if chart.name and shared_files and name.endswith(chart.name):
            yield Problem(
                message=f"the subchart {name} ends with the name of the chart",
                hint=f"its {' and '.join(sorted(shared_files))} may be read for the chart's own",
                file=f"charts/{name}",
            )


def missing(chart: ChartFiles) -> list[str]:
    """List the dependencies that are not below `charts/`."""
    packed = {inner.name for inner in chart.subcharts.values()}
    return [
        str(dependency.get("name"))
        for dependency in dependencies(chart.about)
        if dependency.get("name") not in packed
    ]


def _dependency(chart: ChartFiles) -> Iterator[Problem]:
    """Require every dependency to be packed with the chart."""
    for name in missing(chart):
        message = f"the dependency {name} is not in charts/"
        yield Problem(message=message, hint="run `helm dependency update`", path=("dependencies",))


def _literal(chart: ChartFiles) -> Iterator[Problem]:
    """Refuse the text at which Onyxia splits Helm's output."""
    for path, text in chart.templates.items():
        for match in re.finditer(re.escape(_SPLIT), text):
            message = f"the template contains {_SPLIT}, where Onyxia splits manifests from notes"
            yield _at(path, text, match.start(), message)


def _at(path: str, text: str, offset: int, message: str, hint: str = "") -> Problem:
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return Problem(message=message, hint=hint, file=path, line=line, column=column)


def _basename(chart: ChartFiles) -> Iterator[Problem]:
    """Refuse a name of a cloned project's folder that may contain a blank."""
    for path, text in chart.templates.items():
        for match in _BASENAME.finditer(text):
            hint = '$(basename "$GIT_REPOSITORY" .git)'
            yield _at(path, text, match.start(), "basename takes .git for a second argument", hint)


def _notes(chart: ChartFiles) -> Iterator[Problem]:
    """Require notes, which are shown when a service starts."""
    if NOTES not in chart.files:
        yield Problem(message="the file is missing")


def _password(chart: ChartFiles) -> Iterator[Problem]:
    """Require the password in the notes, where the platform reads it."""
    if NOTES not in chart.files or _PASSWORD.search(chart.notes):
        return
    for node in chart.leaves:
        source = node.onyxia.get("overwriteDefaultWith")
        if isinstance(source, str) and source.strip("{}") in _ONE_TIME:
            message = f"no line shows the password, which is {node.value}"
            hint = f"- Password: {{{{ .Values.{node.value} }}}}"
            yield Problem(message=message, hint=hint)
            return


def _link(chart: ChartFiles) -> Iterator[Problem]:
    """Require the address of the service in the notes, for the button that opens it."""
    if NOTES not in chart.files or "://" in chart.notes:
        return
    for path, text in chart.templates.items():
        if match := _EXPOSED.search(text):
            message = f"the button to open the service needs a URL here: {path} has kind {match[1]}"
            yield Problem(message=message)
            return


def _unread(chart: ChartFiles) -> Iterator[Problem]:
    """Require that a template reads every value of the form."""
    if missing(chart) or not chart.templates:
        return  # what is not there may read them
    reads = reads_of(chart)
    for node in chart.leaves:
        if node.path and not reads.covers(node.value):
            yield Problem(message=f"no template reads {node.value}", path=node.schema_path)


HEAD_RULES: Final[tuple[Rule[ChartFiles], ...]] = (
    Rule("name", FATAL, CHART, _name),
    Rule("version", FATAL, CHART, _version),
    Rule("library", NOTE, CHART, _library),
)
CHART_RULES: Final[tuple[Rule[ChartFiles], ...]] = (
    Rule("notes-literal", FATAL, NOTES, _literal),
    Rule("basename", WARNING, NOTES, _basename),
    Rule("dependency", WARNING, CHART, _dependency),
    Rule("shadow", WARNING, CHART, _shadow),
    Rule("unread", WARNING, SCHEMA, _unread),
    Rule("about", NOTE, CHART, _about),
    Rule("notes", NOTE, NOTES, _notes),
    Rule("password", NOTE, NOTES, _password),
    Rule("link", NOTE, NOTES, _link),
)
