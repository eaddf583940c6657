"""Writes the texts around the templates of a chart: Chart.yaml, README.md, NOTES.txt."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from builder.catalog.models import Chart, ChartRecipe
from builder.charts.render import given
from builder.charts.render.templates import Part, scoped
from builder.charts.render.values import Value
from builder.charts.semver import FORMER
from builder.common.yaml_writer import block
from builder.oci.reference import parse

HELMIGNORE = ".git/\n.gitignore\n*.orig\n*.swp\n*.tgz\n"


def chart_yaml(
    chart: Chart,
    version: str,
    recipe: ChartRecipe,
    image: str,
    library: tuple[str, str],
    moved: Mapping[str, str],
) -> str:
    """Return Chart.yaml. The version is on a line of its own that begins with `version:`.

    `moved` maps former paths of values to those of today.
    """
    entries: dict[str, object] = {
        "apiVersion": "v2",
        "name": chart.name,
        "version": version,
        "appVersion": parse(image).tag or "latest",
        "type": "application",
        "description": recipe.description,
    }
    more = {
        "icon": recipe.icon,
        "home": recipe.home,
        "sources": recipe.sources,
        "keywords": recipe.keywords,
    }
    entries |= {key: value for key, value in more.items() if value}
    if chart.is_deprecated:
        entries["deprecated"] = True
    if moved:
        entries["annotations"] = {FORMER: json.dumps(dict(moved), ensure_ascii=False)}
    lines = [
        *block(entries),
        "dependencies:",
        f"  - name: {library[0]}",
        f"    version: {library[1]}",
        '    repository: ""',
    ]
    return "\n".join(lines) + "\n"


def readme(
    name: str,
    catalog: str,
    recipe: ChartRecipe,
    images: Sequence[str],
    features: Sequence[Part],
    values: Sequence[Value],
) -> str:
    """Return README.md: what the chart is, its images and a table of its values."""
    lines = [
        f"# {name}",
        "",
        f"{recipe.description}.",
        "",
        f"A chart of the catalog {catalog}, for Onyxia and for `helm` alone:",
        "",
        "```",
        f"helm install my-service {catalog}/{name}",
        "```",
        "",
        "## Images",
        "",
        *(f"- `{image}`{' (the default)' if image == images[0] else ''}" for image in images),
        "",
        "## Features",
        "",
        *(f"- {part.name}: {part.summary}" for part in features),
        "",
        "## Values",
        "",
        "| value | type | default | meaning |",
        "|---|---|---|---|",
        *(_row(value) for value in values if not value.is_group),
    ]
    return "\n".join(lines) + "\n"


def _row(value: Value) -> str:
    default = json.dumps(value.default, ensure_ascii=False).replace("|", "\\|")
    text = value.text.replace("|", "\\|")
    if value.formerly:
        text += f" (formerly {', '.join(f'`{old}`' for old in value.formerly)})"
    return f"| `{value.path}` | {value.type} | `{default}` | {text} |"


def notes(title: str, parts: Sequence[Part], chart: str) -> str:
    """Return NOTES.txt, in Markdown, from the notes of each part."""
    texts = [part.files["notes.md"].strip("\n") for part in parts if "notes.md" in part.files]
    return scoped("\n".join([f"## {title}", "", *texts]) + "\n" + given.NOTES, chart)
