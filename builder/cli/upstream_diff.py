"""`builder upstream diff`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from builder.app.stacks import read_stack
from builder.cli.options import planning
from builder.cli.stacks import compared, following, labels_of, newest
from builder.lock.lockfile import Lock
from builder.plan.placement_cost import placements
from builder.report.placement_cost import cost_lines
from builder.report.stacks import FORMATS

CONFLICTS, DIFFERS = 2, 1
"""What `--exit-code` ends with."""


@click.command()
@click.argument("ref", default="")
@planning
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
@click.option(
    "--cost",
    is_flag=True,
    help="Also say what changes of many images cost: on top of them, and in a recipe below.",
)
@click.option(
    "--exit-code",
    is_flag=True,
    help=f"End with {CONFLICTS} where something conflicts, with {DIFFERS} where something differs.",
)
def command(
    ref: str,
    catalogs: Mapping[str, Path],
    style: str,
    cost: bool,
    exit_code: bool,
    root: Path,
    **options: Any,
) -> int:
    """Show what another content of the catalog below changes here.

    REF is a branch, a tag or a commit of it; by default it is the newest release, or what `follow`
    and `ref` in matrix.yaml say. A catalog below that is a folder is compared with another folder:
    --catalog names it.

    It is read in full, beside the content that is there now: what changed below, what becomes of
    our patches and files, and which images are adopted, built and removed. It builds and writes
    nothing, and asks no registry for images.

    \b
    Example:
      builder upstream diff
      builder upstream diff --catalog upstream=../catalog-of-tomorrow --format markdown
    """
    platforms = options.pop("platforms")
    before = read_stack(following(root), platforms)
    pins = {} if catalogs else newest(root, ref)
    after = read_stack(following(root, catalogs, pins), platforms)
    found = compared(before, after, labels_of(before, after), **options)
    click.echo(FORMATS[style](found))
    if cost and (project := after.project) is not None:
        costs = placements(project.catalog, project.expansion, project.lock or Lock())
        click.echo("\n".join(["", *cost_lines(costs)]), err=style == "json")
    if not exit_code:
        return 0
    return CONFLICTS if found.conflicts else 0 if found.is_empty else DIFFERS
