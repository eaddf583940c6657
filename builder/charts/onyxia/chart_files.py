"""Reads the files of a chart for the rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from builder.catalog.models import Path
from builder.catalog.yaml_document import Document, load_as_helm
from builder.charts.onyxia.context import UNDEFINED
from builder.charts.onyxia.finding import CHART, FATAL, NOTES, SCHEMA, VALUES, Finding
from builder.charts.onyxia.schema_nodes import Node, bounded, nodes, resolved
from builder.charts.package import unpack
from builder.common import limits
from builder.common.errors import ConfigError, Location

REQUIREMENTS = "requirements.yaml"
_PACKAGE = re.compile(r"(?:^|/)charts/[^/]+\.tgz$")
_COMMENT = re.compile(r"\{\{-?\s*/\*.*?\*/\s*-?\}\}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class ChartFiles:
    """The files of a chart by path below its folder, and the content of three of them.

    A missing or broken file counts as empty; `read` reports it.
    """

    files: Mapping[str, bytes]
    about: Mapping[str, Any] = field(default_factory=dict)  # Chart.yaml
    values: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)
    core_values: Mapping[Path, Any] = field(default_factory=dict)
    """The values that YAML 1.2 reads in values.yaml and Helm reads differently, by path."""

    @property
    def name(self) -> str:
        """Return the name in Chart.yaml."""
        return str(self.about.get("name", ""))

    @property
    def is_library(self) -> bool:
        """Whether it is a library chart, which only has templates for others."""
        return self.about.get("type") == "library"

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Return every node of its schema, with references resolved."""
        return tuple(nodes(resolved(self.schema))) if self.schema else ()

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """Return the nodes that describe a value of the form, without items of lists."""
        return tuple(node for node in self.nodes if not node.is_group and not node.is_item)

    def file_value(self, node: Node) -> object:
        """Return what values.yaml has for a node, or UNDEFINED."""
        value: Any = self.values
        for part in node.path:
            if not isinstance(value, Mapping) or part not in value:
                return UNDEFINED
            value = value[part]
        return value

    @cached_property
    def templates(self) -> Mapping[str, str]:
        """Return its templates and those of its subcharts, with comments replaced by blanks."""
        templates = {}
        for path, data in self.files.items():
            if path.startswith("templates/") or "/templates/" in path:
                text = data.decode(errors="replace")
                templates[path] = _COMMENT.sub(lambda at: re.sub(r"[^\n]", " ", at.group()), text)
        return templates

    @property
    def notes(self) -> str:
        """Return NOTES.txt, with the named templates that it may include."""
        notes = self.templates.get(NOTES, "")
        if "include" not in notes and "template" not in notes:
            return notes
        shared = [text for path, text in self.templates.items() if path.endswith(".tpl")]
        return "\n".join([notes, *shared])

    @cached_property
    def subcharts(self) -> Mapping[str, ChartFiles]:
        """Return its direct subcharts, by the name of their folder."""
        below: dict[str, dict[str, bytes]] = {}
        for path, data in self.files.items():
            top, _, rest = path.partition("/")
            name, slash, inner = rest.partition("/")
            if top == "charts" and slash:
                below.setdefault(name, {})[inner] = data
        return {name: read(files)[0] for name, files in below.items()}


def read(files: Mapping[str, bytes]) -> tuple[ChartFiles, list[Finding]]:
    """Read a chart as Helm does, and list what cannot be read."""
    findings: list[Finding] = []
    files = _opened(files)
    about = _yaml(files, CHART, "chart-file", findings)
    values = _yaml(files, VALUES, "values-file", findings)
    chart = ChartFiles(
        files=files,
        about={**_required(files), **(about.data if about else {})},
        values=values.data if values else {},
        schema=_json(files, findings),
        core_values=values.differs if values else {},
    )
    return chart, findings


def _required(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """Return the dependencies of a Helm 2 chart, which are in a file of their own."""
    document = _yaml(files, REQUIREMENTS, "chart-file", []) if REQUIREMENTS in files else None
    listed = document.data.get("dependencies") if document else None
    return {"dependencies": listed} if isinstance(listed, list) else {}


def _opened(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files with the packages below `charts/`, and those in them, unpacked to folders."""
    opened, remaining = dict(files), limits.CHART_UNPACKED
    packages = [path for path in files if _PACKAGE.search(path)]
    for path in packages:  # it grows
        try:
            inner = unpack(opened.pop(path))
        except ConfigError as error:
            raise ConfigError(error.message, location=Location(file=path)) from error
        below = {f"{path.removesuffix('.tgz')}/{name}": data for name, data in inner.items()}
        opened |= below
        packages += [path for path in below if _PACKAGE.search(path)]
        remaining -= sum(map(len, inner.values()))
        if remaining < 0 or len(opened) > limits.CHART_FILES:
            message = "the packages below charts/ are larger than Helm's limit"
            raise ConfigError(message, location=Location(file=path))
    return opened


def _yaml(
    files: Mapping[str, bytes], file: str, rule: str, findings: list[Finding]
) -> Document | None:
    """Return the mapping in a file of a chart, or None and a finding."""

    def broken(message: str, line: int = 0, column: int = 0) -> Document | None:
        findings.append(
            Finding(rule=rule, severity=FATAL, file=file, message=message, line=line, column=column)
        )
        return None

    if file not in files:
        return broken("the file is missing")
    try:
        document, errors = load_as_helm(files[file].decode(), file)
    except UnicodeDecodeError:
        return broken("the file is not UTF-8")
    except ConfigError as error:
        location = error.location
        return broken(
            error.message, location.line if location else 0, location.column if location else 0
        )
    for duplicate in errors:
        if duplicate.location:
            broken(duplicate.message, duplicate.location.line, duplicate.location.column)
    if document.data is None:
        return broken("the file is empty")
    return document if isinstance(document.data, dict) else broken("the file is not a mapping")


def _json(files: Mapping[str, bytes], findings: list[Finding]) -> Mapping[str, Any]:
    def broken(message: str, hint: str = "", line: int = 0, column: int = 0) -> Mapping[str, Any]:
        findings.append(
            Finding(
                rule="schema-file", severity=FATAL, file=SCHEMA,
                message=message, hint=hint, line=line, column=column,
            )
        )  # fmt: skip
        return {}

    if SCHEMA not in files:
        return broken("the file is missing", "without it the form is empty")
    try:
        data = limits.read_json(files[SCHEMA], limits.CHART_FILE, "the file", error=ConfigError)
        return bounded(data) if isinstance(data, dict) else broken("the file is not a mapping")
    except ConfigError as error:
        at = error.__cause__
        line, column = (at.lineno, at.colno) if isinstance(at, json.JSONDecodeError) else (0, 0)
        return broken(error.message, line=line, column=column)


def documents(chart: ChartFiles, names: set[str]) -> Iterator[Document]:
    """Load the files of a chart with the location of every key; skip those that are not valid."""
    for name in sorted(names & {SCHEMA, VALUES, CHART} & chart.files.keys()):
        try:
            yield load_as_helm(chart.files[name].decode(), name)[0]
        except (UnicodeDecodeError, ConfigError):
            continue
