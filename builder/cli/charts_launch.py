"""`builder charts launch`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.catalog.yaml_document import load
from builder.charts.next_version import files_of
from builder.charts.onyxia.chart_files import read
from builder.charts.onyxia.launch import launch
from builder.charts.onyxia.rules_values import READINGS
from builder.charts.onyxia_check import RELEASE, read_chart, unreadable_schema
from builder.charts.semver import FIRST
from builder.cli.open import host_tools, open_app
from builder.cli.options import planning
from builder.common.checkout import text_of
from builder.common.errors import ConfigError, SelectionError, StepError, raise_all
from builder.common.files import write_tree
from builder.common.text import did_you_mean
from builder.common.yaml_writer import block
from builder.plan.chart_planner import unlocked_images


@click.command()
@planning
@click.option(
    "--context",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A YAML or JSON file with context variables, e.g. user: {email: …}; none by default.",
)
@click.argument("chart")
def command(chart: str, context: Path | None, **options: Any) -> int:
    """Print the values that a launch from Onyxia's form sends when nobody changes the form.

    CHART is a folder, a package, or the name of a chart of the matrix. Helm then validates the
    values.

    \b
    Example:
      builder charts launch jupyter-r --context context.yaml > values.yaml
    """
    if Path(chart).exists():
        path, helm = Path(chart), host_tools(options["root"]).helm
    else:
        app = open_app(**options)
        path, helm = _rendered(app, chart), app.adapters.helm
    files, broken = read(read_chart(path))
    raise_all([ConfigError(str(finding)) for finding in broken])
    if reason := unreadable_schema(files):
        raise ConfigError(f"helm is not asked: {reason}")
    for finding in READINGS.findings(files):
        click.echo(str(finding), err=True)
    values = launch(files.schema, files.values, _context(context))
    click.echo("\n".join(block(values)))
    output = helm.attempt(path, release=RELEASE, values=values)
    if output.code != 0:
        raise StepError(f"helm rejects these values\n{output.log.strip()}")
    return 0


def _rendered(app: App, name: str) -> Path:
    """Render a chart of the matrix to a folder below `build/`, and return it with helm."""
    matrix, lock = app.catalog.matrix, app.locked()
    if name not in matrix.charts:
        hint = did_you_mean(name, matrix.charts)
        raise SelectionError(f"no chart {name!r}, in the matrix or as a path", hint=hint)
    planned = app.plan(lock=lock, offline=True).charts.get(name)
    if planned is not None and planned.images:
        files = planned.files
    else:
        images = [f"{matrix.repository_of(matrix.charts[name].image)}:latest"]
        if planned is not None and planned.action == "block":
            expansion, today = app.project.expansion, app.options.today
            images = list(unlocked_images(name, expansion, matrix, today))
        click.echo(f"no image of {name} can be released now: it names {images[0]}", err=True)
        files = files_of(app.catalog, name, images, FIRST)
    folder = app.state.launched_chart(name)
    write_tree(folder, files)
    return folder


def _context(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    document, errors = load(text_of(path.read_bytes(), str(path)), str(path))
    raise_all(errors)
    if document.data is not None and not isinstance(document.data, dict):
        raise ConfigError("not a mapping", location=document.at(()))
    return document.data or {}
