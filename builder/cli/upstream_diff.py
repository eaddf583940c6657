"""`builder upstream diff`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from builder.app.stacks import Stack, StackComparison, beside, read_stack
from builder.cli.open import app_on, open_app
from builder.cli.options import planning
from builder.common.errors import ConfigError
from builder.diff.stacks import StackDiff
from builder.report.stacks import FORMATS

CONFLICTS, DIFFERS = 2, 1
"""What `--exit-code` ends with."""


@click.command()
@planning
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
@click.option(
    "--exit-code",
    is_flag=True,
    help=f"End with {CONFLICTS} where something conflicts, with {DIFFERS} where something differs.",
)
def command(
    catalogs: Mapping[str, Path], style: str, exit_code: bool, root: Path, **options: Any
) -> int:
    """Show what another content of the catalog below changes here.

    It is read in full, beside the content that is there now: what changed below, what becomes of
    our patches and files, and which images are adopted, built and removed. It builds nothing, asks
    no registry and writes nothing.

    \b
    Example:
      builder upstream diff --catalog upstream=../catalog-of-tomorrow --format markdown
    """
    found = compared(root, catalogs, **options)
    click.echo(FORMATS[style](found))
    if not exit_code:
        return 0
    return CONFLICTS if found.conflicts else 0 if found.is_empty else DIFFERS


def compared(root: Path, catalogs: Mapping[str, Path], **options: Any) -> StackDiff:
    """Return what other folders in the place of catalogs below change in the catalog in `root`."""
    platforms = options.pop("platforms")
    app = open_app(root=root, platforms=platforms, **options)
    if not app.workspace.files.below:
        raise ConfigError(
            "this catalog stands on no other one", hint="`extends` in matrix.yaml names one"
        )
    before = Stack(files=app.workspace.files, project=app.project)
    after = read_stack(beside(app.workspace, catalogs), platforms)
    return StackComparison(
        before,
        after,
        labels={name: (_label(before, name), str(folder)) for name, folder in catalogs.items()},
        as_app=lambda project: app_on(project, **options),
    ).compare()


def _label(stack: Stack, name: str) -> str:
    return next(str(item.root) for item in stack.files.below if item.name == name)
