"""`builder upstream diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.app.stacks import beside, read_stack
from builder.cli.options import planning
from builder.cli.stacks import FOLDERS, compared, folders_of, workspace_of
from builder.report.stacks import FORMATS

CONFLICTS, DIFFERS = 2, 1
"""What `--exit-code` ends with."""


@click.command()
@planning
@FOLDERS
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
@click.option(
    "--exit-code",
    is_flag=True,
    help=f"End with {CONFLICTS} where something conflicts, with {DIFFERS} where something differs.",
)
def command(
    catalogs: tuple[str, ...], style: str, exit_code: bool, root: Path, **options: Any
) -> int:
    """Show what another content of the catalog below changes here.

    It is read in full, beside the content that is there now: what changed below, what becomes of
    our patches and files, and which images are adopted, built and removed. It builds nothing, asks
    no registry and writes nothing.

    \b
    Example:
      builder upstream diff --catalog upstream=../catalog-of-tomorrow --format markdown
    """
    platforms = options.pop("platforms")
    workspace, folders = workspace_of(root), folders_of(catalogs)
    before = read_stack(workspace, platforms)
    after = read_stack(beside(workspace, folders), platforms)
    roots = {item.name: str(item.root) for item in before.files.below}
    labels = {name: (roots[name], str(folder)) for name, folder in folders.items()}
    found = compared(before, after, labels, **options)
    click.echo(FORMATS[style](found))
    if not exit_code:
        return 0
    return CONFLICTS if found.conflicts else 0 if found.is_empty else DIFFERS
