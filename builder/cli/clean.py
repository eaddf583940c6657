"""`builder clean`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from builder.app.state import derived
from builder.cli.options import engine as engine_option
from builder.cli.options import root as root_option
from builder.project import Workspace


@click.command()
@root_option
@engine_option
@click.option(
    "--all", "everything", is_flag=True, help="Also delete the registry, charts and tools."
)
def command(root: Path, engine: str, everything: bool) -> int:
    """Delete what the builder can make again: engine storage, logs, build contexts, reports.

    \b
    Example:
      builder clean --all
    """
    workspace = Workspace(root.resolve())
    state = workspace.state
    paths = derived(state, engine, catalog=workspace.root)
    for path in paths if everything else state.removable(paths):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        click.echo(f"removed {path}", err=True)
    return 0
