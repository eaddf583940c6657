"""Checks whether a chart, in a folder or packaged, meets Onyxia's requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.charts.chart_folder import folder_files
from builder.charts.helm import Helm
from builder.charts.image_table import images_in
from builder.charts.manifests import documents
from builder.charts.onyxia.chart_files import ChartFiles, read
from builder.charts.onyxia.check import check
from builder.charts.onyxia.finding import SCHEMA, Finding
from builder.charts.onyxia.render_cases import Render, RenderCase, rendered, revealing
from builder.charts.onyxia.rules_chart import missing
from builder.charts.onyxia.rules_defaults import DEFAULT_RULES, Defaults, secrets_of
from builder.charts.onyxia.rules_manifests import POD_RULES, Manifest, Rendered, injected_in
from builder.charts.onyxia.schema_nodes import remote_reference
from builder.charts.package import unpack
from builder.common import limits
from builder.common.errors import ConfigError, Location, StepError, reading
from builder.common.mappings import merged, nested

RELEASE: Final = "check-0"
_SOURCE = re.compile(r"^# Source: [^/\n]+/(.+)$", re.MULTILINE)


def read_chart(path: Path) -> dict[str, bytes]:
    """Read the files of a chart, by path below its folder. Raises ConfigError."""
    if path.is_dir():
        return folder_files(path)
    if path.is_file():
        try:
            return unpack(limits.read_file(path, limits.CHART_PACKAGE, error=ConfigError))
        except ConfigError as error:
            location = Location(file=str(path))
            raise ConfigError(error.message, hint=error.hint, location=location) from error
    hint = "name a folder with a Chart.yaml, or a package (.tgz)"
    raise ConfigError(f"no chart at {path}", hint=hint)


@dataclass(frozen=True, kw_only=True)
class ChartReport:
    """The findings of a chart. `unrendered` says why the rules on manifests were skipped, or ""."""

    findings: tuple[Finding, ...]
    unrendered: str = ""

    @property
    def skipped(self) -> tuple[str, ...]:
        """Return the ids of the rules that were not checked."""
        ids = (*(rule.id for rule in POD_RULES), *(rule.id for rule in DEFAULT_RULES))
        return ids if self.unrendered else ()


def check_chart(path: Path, helm: Helm | None) -> ChartReport:
    """Check a chart by all rules, those on its rendered manifests too where helm is installed.

    Raises ConfigError where there is no chart.
    """
    with reading(str(path)):
        return _check_chart(path, helm)


def _check_chart(path: Path, helm: Helm | None) -> ChartReport:
    files = read_chart(path)
    chart, broken = read(files)
    if reason := _unrendered(chart, is_broken=bool(broken), helm=helm):
        return ChartReport(findings=check(files), unrendered=reason)
    assert helm is not None
    render = _renderer(chart, path, helm)
    outputs = rendered(chart, render)
    defaults = _defaults(chart, path, helm, render, outputs[0])
    return ChartReport(findings=check(files, outputs, defaults))


def _unrendered(chart: ChartFiles, *, is_broken: bool, helm: Helm | None) -> str:
    """Return why Helm cannot render a chart, or ""."""
    if chart.is_library:
        return "a library chart renders nothing by itself"
    if is_broken:
        return "a file of the chart cannot be read"
    if absent := missing(chart):
        return f"there is no {', '.join(absent)} below charts/: run `helm dependency build`"
    return unreadable_schema(chart) or ("" if helm else "helm is not installed")


def unreadable_schema(chart: ChartFiles) -> str:
    """Return why Helm must not read a chart, or "": it would fetch what a schema refers to."""
    for file, data in chart.files.items():
        if file.rpartition("/")[2] == SCHEMA and (reason := _unreadable(data)):
            return f"{file} {reason}"
    return ""


def _unreadable(data: bytes) -> str:
    try:
        schema = limits.read_json(data, limits.CHART_FILE, "it", error=ConfigError)
    except ConfigError:
        return "cannot be read"
    reference = remote_reference(schema)
    return f"refers to {reference}, which is not fetched" if reference else ""


def _defaults(
    chart: ChartFiles, path: Path, helm: Helm, render: Render, first: Rendered
) -> Defaults:
    """Return what a chart with its defaults tells of its secrets."""
    if first.failure:
        return Defaults(chart=chart, rendered=first)
    markers = {name: f"hidden-text-{number}-" for number, name in enumerate(secrets_of(chart))}
    texts = (nested(at, markers[name]) for name, at in secrets_of(chart).items())
    try:
        notes = helm.dry_run(path, release=RELEASE, values=merged(*texts)).notes
    except StepError:
        notes = ""  # its schema refuses such texts
    return Defaults(
        chart=chart,
        rendered=first,
        notes=notes,
        markers=markers,
        revealing=revealing(chart, render),
    )


def _renderer(chart: ChartFiles, path: Path, helm: Helm) -> Render:
    try:
        images = images_in(chart.files)
    except ConfigError:  # another tool's file of this name
        images = {}

    def render(probe: RenderCase) -> Rendered:
        output = helm.attempt(path, release=RELEASE, values=probe.values)
        failure = output.log if output.code != 0 else ""
        manifests: tuple[Manifest, ...] = ()
        try:
            manifests = () if failure else tuple(_manifests(output.stdout))
        except StepError as error:
            failure = error.message
        return Rendered(
            values=probe.words,
            release=RELEASE,
            manifests=() if probe.is_hostile else manifests,
            failure=failure,
            is_sample=probe.is_sample,
            is_suspended=probe.is_suspended,
            is_hostile=probe.is_hostile,
            has_lines=probe.has_lines,
            images=images,
            marked=probe.marked,
            injected_in=injected_in(manifests) if probe.is_hostile else "",
        )

    return render


def _manifests(text: str) -> Iterator[Manifest]:
    """Yield the objects, each with the template that it comes from. Raises StepError."""
    for part in re.split(r"^---[ \t]*$", text, flags=re.MULTILINE):
        source = _SOURCE.search(part)
        for data in documents(part):
            yield Manifest(file=source[1] if source else "templates", data=data)
