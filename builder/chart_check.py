"""Holds a chart, in a folder or packaged, against what Onyxia asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.contract.chart import ChartFiles, read
from builder.contract.check import check
from builder.contract.finding import Finding
from builder.contract.probes import Probe, rendered
from builder.contract.rules_chart import missing
from builder.contract.rules_pods import Manifest, Rendered
from builder.errors import ConfigError, StepError
from builder.helm import Helm, chart_files, documents
from builder.render.chart_package import unpack

RELEASE: Final = "check-0"
_SOURCE = re.compile(r"^# Source: [^/\n]+/(.+)$", re.MULTILINE)


def read_chart(path: Path) -> dict[str, bytes]:
    """The files of a chart, by path below its folder. Raises ConfigError."""
    if path.is_dir():
        return dict(chart_files(path))
    if path.is_file():
        return unpack(path.read_bytes())
    hint = "name a folder with a Chart.yaml, or a package (.tgz)"
    raise ConfigError(f"no chart at {path}", hint=hint)


def check_chart(path: Path, helm: Helm | None) -> tuple[Finding, ...]:
    """What is wrong with a chart; what Helm makes of it is looked at too where helm is there.

    Raises ConfigError where there is no chart at all.
    """
    files = read_chart(path)
    chart, broken = read(files)
    if helm is None or broken or chart.is_library or missing(chart):
        return check(files)
    return check(files, _rendered(chart, path, helm))


def _rendered(chart: ChartFiles, path: Path, helm: Helm) -> list[Rendered]:
    def render(probe: Probe) -> Rendered:
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
            manifests=manifests,
            failure=failure,
            is_sample=probe.is_sample,
            is_suspended=probe.is_suspended,
            is_hostile=probe.is_hostile,
        )

    return rendered(chart, render)


def _manifests(text: str) -> Iterator[Manifest]:
    """Objects with the templates that they come from. Raises StepError."""
    for part in re.split(r"^---[ \t]*$", text, flags=re.MULTILINE):
        source = _SOURCE.search(part)
        for data in documents(part):
            yield Manifest(file=source[1] if source else "templates", data=data)
