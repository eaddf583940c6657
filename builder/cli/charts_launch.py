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
from builder.charts.onyxia.form import DELETED, Patch, form_errors, patched
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
@click.option(
    "--patch",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A YAML or JSON file with what a link or a saved launch changes: a list of [path, value],"
    " where a path is a list of keys, and of [path], which takes a value away.",
)
@click.argument("chart")
def command(chart: str, context: Path | None, patch: Path | None, **options: Any) -> int:
    """Print the values that a launch from Onyxia's form sends when nobody changes the form.

    CHART is a folder, a package, or the name of a chart of the matrix. Helm then validates the
    values.

    With `--patch`, print what a link or a saved launch sends. An error says where the form fails.

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
    variables = _context(context)
    values = patched(launch(files.schema, files.values, variables), _patch(patch))
    click.echo("\n".join(block(values)))
    raise_all(form_errors(files.schema, values, variables))
    output = helm.attempt(path, release=RELEASE, values=values)
    if output.code != 0:
        raise StepError(f"helm rejects these values\n{output.log.strip()}")
    return 0


def _rendered(app: App, name: str) -> Path:
    """Render a chart of the matrix to a folder below `build/`, and return it with helm."""
    matrix, lock = app.catalog.matrix, app.locked()
    if name in matrix.upstream_charts:
        message = f"the chart {name} has a package of its upstream in it, which a run brings"
        raise SelectionError(message, hint=f"builder charts -s {name}; then name its folder")
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


def _patch(path: Path | None) -> Patch:
    if path is None:
        return ()
    document, errors = load(text_of(path.read_bytes(), str(path)), str(path))
    raise_all(errors)
    entries = document.data if isinstance(document.data, list) else [document.data]
    wrong = [number for number, entry in enumerate(entries) if not _is_change(entry)]
    raise_all(
        [
            ConfigError(
                "not a change of a value",
                hint="[[git, branch], main] sets one, and [[git, branch]] takes it away",
                location=document.at((number,) if isinstance(document.data, list) else ()),
            )
            for number in wrong
        ]
    )
    return [(tuple(entry[0]), entry[1] if len(entry) == 2 else DELETED) for entry in entries]


def _is_change(entry: object) -> bool:
    if not isinstance(entry, list) or len(entry) not in (1, 2) or not isinstance(entry[0], list):
        return False
    return bool(entry[0]) and all(isinstance(key, str | int) for key in entry[0])
