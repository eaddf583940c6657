"""What a change of the catalog changes: its targets and charts, against another checkout's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import click

from builder.charting import ChartChange, files_of, foresee
from builder.cli.options import Options
from builder.cli.wiring import Session
from builder.errors import BuilderError
from builder.fingerprint import differences
from builder.release import ReleasedChart
from builder.render.chart_version import FIRST


class Since:
    """A catalog beside another checkout of it, `since`."""

    def __init__(self, options: Options, since: Path) -> None:
        self._options = options
        self._session = Session(options)
        self._other = Session(replace(options, root=since))

    @cached_property
    def targets(self) -> Mapping[str, str]:
        """Why each target that is selected differs; by id."""
        picked = set(self._session.selected())
        before, now = (one.fingerprints(one.locked()) for one in (self._other, self._session))
        return {
            target: f"changed: {', '.join(parts)}" if parts else "new"
            for target, parts in differences(before, now).items()
            if target in picked
        }

    def charts(self, published: str) -> dict[str, ChartChange]:
        """What becomes of each chart that the change is about; by name.

        `published` is the registry whose releases say which versions there are, or nothing.
        """
        held = _released(self._options, published) if published else {}
        expansion, others = self._session.project.expansion, self._other.project.expansion
        with_images = expansion.charts_of(self.targets)
        found = {}
        for name in expansion.charts:
            old = _files(self._other, name) if name in others.charts else None
            new = _files(self._session, name)
            change = foresee(old, new, held.get(name), images_change=name in with_images)
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
        record = session.records.current()
    except BuilderError as error:
        click.echo(f"the releases in {registry} cannot be read: {error.message}", err=True)
        return {}
    return record.charts if record else {}
