"""Opens the catalog that a command is about, as an app."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from builder.app.adapters import AdapterFactory, Adapters
from builder.app.app import App
from builder.app.host_tools import HostTools
from builder.app.load import load
from builder.app.options import Options
from builder.build.events import Listener
from builder.ci.systems import AUTO, CISystem, running_in
from builder.common.process import Runner
from builder.overlay.source_catalogs import MATRIX
from builder.plan.models import Step
from builder.project import Project, Workspace
from builder.report.progress import shown


def open_app(
    root: Path,
    platforms: Sequence[str] = (),
    ci: str = AUTO,
    *,
    catalogs: Mapping[str, Path] = MappingProxyType({}),
    pins: bool = False,
    **options: Any,
) -> App:
    """Return an app on the catalog in a folder. Raises ConfigError with all that is wrong there.

    Its adapters are those that `main` was given. `ci` names the CI system that reads the output.
    `catalogs` and `pins` are as in `load`.
    """
    project = load(root, platforms=platforms, catalogs=catalogs, pins=pins)
    for note in project.notes:
        notify(note)
    return app_on(project, ci, **options)


def app_on(project: Project, ci: str = AUTO, **options: Any) -> App:
    """Return an app on a catalog that was read already."""
    factory: AdapterFactory = click.get_current_context().find_root().obj or Adapters
    return App(
        project,
        Options(**options),
        adapters=factory,
        notify=notify,
        watcher=partial(watched, partial(ci_system, project.root, ci)),
    )


def host_tools(root: Path) -> HostTools:
    """Return the programs of this machine, for the catalog in a folder, where there is one."""
    root = root.resolve()
    if (root / MATRIX).is_file():
        return open_app(root).adapters.host
    return HostTools(runner=Runner(), state=Workspace(root).state)


def notify(text: str) -> None:
    """Print a line on standard error, in one piece: several threads may do so."""
    sys.stderr.write(f"{text}\n")


def ci_system(root: Path, name: str) -> CISystem | None:
    """Return the CI system with a name, or the one in which this command runs, or nothing."""
    return running_in(os.environ, name, catalog=root.resolve())


@contextlib.contextmanager
def watched(
    system: Callable[[], CISystem | None],
    steps: Mapping[str, Step],
    stop: Callable[[str], None],
) -> Iterator[Listener]:
    """Show the steps while they are carried out; Ctrl-C and SIGTERM stop them."""

    def handle(number: int, _frame: object) -> None:
        stop(signal.Signals(number).name)

    numbers = (signal.SIGINT, signal.SIGTERM)
    with shown(steps, system()) as show:
        before = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield show
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
