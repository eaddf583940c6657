"""`builder clean`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from builder.app.state import derived
from builder.cli.options import root as root_option
from builder.project import Workspace

# What costs a download or holds what was published; --all removes it too.
_KEPT = ("registry", "charts", "tools", "toolroot")


@click.command()
@root_option
@click.option("--all", "everything", is_flag=True, help="Also the registry, charts and tools.")
def command(root: Path, everything: bool) -> int:
    """Remove what was derived: engine storage, logs, build contexts, reports.

    \b
    Example:
      builder clean --all
    """
    for path in derived(Workspace(root.resolve()).state):
        if not everything and path.name in _KEPT:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        click.echo(f"removed {path}", err=True)
    return 0
