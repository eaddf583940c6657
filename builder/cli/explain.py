"""`builder explain`."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from builder.app.app import App
from builder.app.catalog_parts import SECTIONS, CatalogPart, PartFinder
from builder.app.value_origins import value_origins
from builder.catalog.recipe import build_variables
from builder.catalog.selection import find
from builder.cli.open import open_app
from builder.cli.options import planning
from builder.common.mappings import json_object
from builder.lock.lockfile import Lock
from builder.oci.reference import Reference
from builder.plan.fingerprint import Fingerprint
from builder.plan.fingerprint_document import PARTS, compare
from builder.plan.image_metadata import DOCUMENT, damaged, reference_of
from builder.plan.models import TargetPlan
from builder.registry.interfaces import Artifact
from builder.registry.release_record import ReleasedTarget
from builder.report.plan import columns


@click.command()
@click.argument("target")
@planning
@click.option(
    "--value",
    "is_value",
    is_flag=True,
    help="Show where a value of matrix.yaml or of a chart is set, in place of a target.",
)
@click.option(
    "--catalogs",
    "is_catalogs",
    is_flag=True,
    help="Show which catalog brought each part of a target or of a chart.",
)
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
@click.option("--offline", is_flag=True, help="Ask no registry.")
def command(
    target: str, is_value: bool, is_catalogs: bool, style: str, offline: bool, **options: Any
) -> int:
    """Show the inputs of a target's fingerprint, and how they differ from the released ones.

    With --value, TARGET is the path of a value: show it and each place that set it, the weakest
    first. With --catalogs, show who asked for each package, and who brought each file, feature,
    entry of the lock and test: of a target, and of a chart by its name.

    \b
    Example:
      builder explain jupyter-python
      builder explain jupyter-python --format json
      builder explain --value charts.jupyter-python.values.persistence.size.default
      builder explain jupyter-python --catalogs
    """
    app = open_app(**{**options, "select": ()})
    if is_catalogs:
        return _show_catalogs(app, target, style)
    return _show_origins(app, target, style) if is_value else _show(app, target, style, offline)


def _show(app: App, target: str, style: str, offline: bool) -> int:
    """Print the inputs of a target's fingerprint."""
    lock = app.fitting_lock()
    chosen = find(app.project.expansion, target).id
    planned, change = None, ""
    if offline:
        fingerprint = app.fingerprints(lock)[chosen]
    else:
        with app.registry():
            whole = app.plan(lock=lock, to_run=False)
            fingerprint, planned = whole.fingerprints[chosen], whole.targets[chosen]
            record = whole.registry_state.record
            released = record.targets.get(chosen) if record else None
            if style == "text" and released and released.fingerprint != fingerprint.digest:
                change = _difference(app, planned, released)
    if style == "json":
        click.echo(_as_json(chosen, fingerprint, planned))
        return 0
    click.echo(f"{chosen}\nfingerprint {fingerprint.digest}\n")
    click.echo("\n".join(as_text(fingerprint)))
    if planned is not None:
        click.echo(f"\n{planned.action}: {planned.reason}")
    if change:
        click.echo(change)
    return 0


def _show_origins(app: App, path: str, style: str) -> int:
    """Print a value, and the places that set it."""
    found = value_origins(app.workspace.files, app.catalog, path)
    rows = [
        (
            origin.catalog,
            str(origin.location).removeprefix(f"{origin.catalog}:"),
            one_value(origin.value),
            "" if origin.rule == "set" else origin.rule,
        )
        for origin in found.origins
    ]
    if style == "json":
        keys = ("catalog", "location", "value", "rule")
        data = {
            "path": path,
            "value": found.value,
            "origins": [
                dict(zip(keys, (*row[:2], origin.value, origin.rule), strict=True))
                for row, origin in zip(rows, found.origins, strict=True)
            ],
        }
        click.echo(json.dumps(data, indent=1, ensure_ascii=False))
        return 0
    click.echo(one_value(found.value))
    click.echo("\n".join(f"  {line}" for line in columns(rows)))
    return 0


def _show_catalogs(app: App, name: str, style: str) -> int:
    """Print which catalog brought each part of a target, and of a chart with that name."""
    finder = PartFinder(files=app.workspace.files, project=app.project)
    chart = app.catalog.matrix.all_charts.get(name)
    parts: dict[str, list[CatalogPart]] = {}
    if chart is None or name in app.project.expansion.variants:
        target = find(app.project.expansion, name)
        lock = app.project.lock or Lock()
        lines = lock.lines_of(target.variant.values)
        variables = build_variables(target, app.catalog.matrix, lines.versions, lines.providers)
        parts[target.id] = list(finder.of_target(target, variables))
    if chart is not None:
        parts[f"chart {name}"] = list(finder.of_chart(chart))
    if style == "json":
        data = {key: [asdict(item) for item in found] for key, found in parts.items()}
        catalogs = [item.name for item in finder.files.catalogs]
        click.echo(json.dumps({"catalogs": catalogs, "parts": data}, indent=1, ensure_ascii=False))
        return 0
    for key, found in parts.items():
        click.echo("\n".join([key, *_rows(found)]))
    return 0


def _rows(parts: Sequence[CatalogPart]) -> Iterator[str]:
    """Yield the parts of a target or a chart as lines, by section."""
    for section in SECTIONS:
        found = [part for part in parts if part.section == section]
        if found:
            yield f"  {section}"
            rows = columns([(part.name, part.catalog, part.place, part.note) for part in found])
            yield from (f"    {row}" for row in rows)


def one_value(value: Any) -> str:
    """Return a value on one line: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_json(target: str, fingerprint: Fingerprint, item: TargetPlan | None) -> str:
    data = {"id": target, "fingerprint": fingerprint.digest, "document": fingerprint.document}
    if item is not None:
        data |= {"action": item.action, "reason": item.reason}
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)


def as_text(fingerprint: Fingerprint) -> list[str]:
    """Return the parts of a fingerprint as lines: those of the Dockerfile as they are."""
    lines: list[str] = []
    for part in PARTS:
        value = fingerprint.document[part]
        if isinstance(value, str) and "\n" not in value:
            lines.append(f"{part}: {value or 'none'}")
        elif not value:
            lines.append(f"{part}: none")
        else:
            lines += [f"{part}:", *(f"    {line}".rstrip() for line in _text(value))]
    return lines


def _difference(app: App, item: TargetPlan, old: ReleasedTarget) -> str:
    reference = item.repository.with_tag(old.tag)
    return change_since(
        app.adapters.store.get(reference_of(reference)), reference, item.fingerprint, old.since
    )


def change_since(
    metadata: Artifact | None, reference: Reference, current: Fingerprint, release: str
) -> str:
    """Return what changed since a release, from the stored fingerprint document."""
    if metadata is None:
        return f"the registry has no metadata of {reference}"
    document = metadata.files.get(DOCUMENT)
    before = json_object(document.data) if document else None
    return difference(before, current, release) if before else str(damaged(reference_of(reference)))


def difference(before: dict[str, Any], current: Fingerprint, release: str) -> str:
    """Return the parts of a fingerprint that differ, as unified diffs."""
    lines: list[str] = []
    for part in compare(before, current.document):
        old, new = (_text(document.get(part, "")) for document in (before, current.document))
        lines += [
            "",
            *difflib.unified_diff(old, new, f"{part} in {release}", f"{part} now", lineterm=""),
        ]
    return "\n".join(lines)


def _text(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.splitlines()
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).splitlines()
