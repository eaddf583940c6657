"""`builder charts check`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from builder.charts.helm import Helm
from builder.charts.onyxia.check import fatal
from builder.charts.onyxia.finding import SEVERITIES, Finding
from builder.charts.onyxia.schema_nodes import json_path
from builder.charts.onyxia_check import check_chart
from builder.cli.open import host_tools
from builder.cli.options import root as root_option
from builder.common.errors import ConfigError, ToolError
from builder.common.text import count


@click.command()
@root_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(root: Path, as_json: bool, paths: tuple[Path, ...]) -> int:
    """Check that charts (folders or packages of any catalog) meet the requirements of Onyxia.

    Charts are read as Helm reads them. Where Helm cannot render a chart, the report names the
    rules that were skipped.

    A finding is fatal (the form is not shown, or a launch fails), a warning (something has no
    effect) or a note. A fatal finding makes the exit code 2.

    \b
    Example:
      builder charts check path/to/chart chart-1.2.3.tgz
    """
    try:
        helm: Helm | None = host_tools(root).helm
    except ToolError as error:
        click.echo(f"templates are checked without rendering them: {error.message}", err=True)
        helm = None
    reports = {path: check_chart(path, helm) for path in paths}
    if as_json:
        listed = [
            _as_json(path, finding)
            for path, report in reports.items()
            for finding in report.findings
        ]
        click.echo(json.dumps(listed, indent=1, ensure_ascii=False))
    for path, report in reports.items():
        if not as_json:
            for finding in report.findings:
                click.echo(f"{path}/{finding}")
        click.echo(f"{path}: {_summary(report.findings)}", err=True)
        if report.skipped:
            reason = f"not rendered, as {report.unrendered}"
            click.echo(f"{path}: {reason}; not tried: {', '.join(report.skipped)}", err=True)
    is_fatal = any(fatal(report.findings) for report in reports.values())
    return ConfigError.exit_code if is_fatal else 0


def _as_json(path: Path, finding: Finding) -> dict[str, object]:
    return {"chart": str(path), **asdict(finding), "path": json_path(finding.path)}


def _summary(findings: tuple[Finding, ...]) -> str:
    """`1 fatal, 2 warnings, 1 note`."""
    numbers = Counter(finding.severity for finding in findings)
    parts = [
        f"{numbers[name]} {name}" if name == "fatal" else count(numbers[name], name)
        for name in SEVERITIES
        if numbers[name]
    ]
    return ", ".join(parts) or "no findings"
