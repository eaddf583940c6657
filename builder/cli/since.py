"""What a change of the catalog changes: its targets and charts, against another checkout's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import click

from builder.charting import ChartChange, files_of, foresee
from builder.cli.options import Options
from builder.cli.wiring import Session
from builder.errors import BuilderError
from builder.fingerprint import differences
from builder.observe import read_record, releases_reference
from builder.release import CURRENT, ReleasedChart
from builder.render.chart_version import FIRST


def changes(options: Options, since: Path) -> Mapping[str, str]:
    """Why each target that is selected differs from that of the catalog in `since`; by id."""
    session, other = Session(options), Session(replace(options, root=since))
    picked = set(session.selected())
    before, now = (one.fingerprints(one.locked()) for one in (other, session))
    return {
        target: f"changed: {', '.join(parts)}" if parts else "new"
        for target, parts in differences(before, now).items()
        if target in picked
    }


def chart_changes(
    options: Options, since: Path, targets: Collection[str], published: str
) -> dict[str, ChartChange]:
    """What becomes of each chart that a change is about, whose `targets` differ; by name.

    `published` is the registry whose releases say which versions there are, or nothing.
    """
    session, other = Session(options), Session(replace(options, root=since))
    held = _released(options, published) if published else {}
    found = {}
    for name, cells in session.project.expansion.charts.items():
        members = session.project.expansion.members
        images_change = any(
            not set(targets).isdisjoint(members.get(cell.id, {}).values()) for cell in cells
        )
        old = _files(other, name) if name in other.project.expansion.charts else None
        change = foresee(old, _files(session, name), held.get(name), images_change=images_change)
        if change is not None:
            found[name] = change
    return found


def _files(session: Session, name: str) -> dict[str, bytes]:
    """The files of a chart, whose images have no release in their tags."""
    cells = session.project.expansion.charts[name]
    images = [f"{session.catalog.matrix.repository_of(cell.image)}:{number}"
              for number, cell in enumerate(cells)]  # fmt: skip
    return files_of(session.catalog, name, images, FIRST)


def _released(options: Options, registry: str) -> Mapping[str, ReleasedChart]:
    """The charts of the last release in a registry; none, with a word, where it cannot be read."""
    session = Session(replace(options, registries=(registry,)))
    try:
        record = read_record(session.store, releases_reference(session.catalog).with_tag(CURRENT))
    except BuilderError as error:
        click.echo(f"the releases in {registry} cannot be read: {error.message}", err=True)
        return {}
    return record.charts if record else {}
