"""`builder upstream accept`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.own_patches import accept_patches, check_patches
from builder.app.stacks import read_stack
from builder.cli.options import root as root_option
from builder.cli.stacks import following
from builder.common.errors import SelectionError, raise_all
from builder.overlay.replaced_files import accept_replaced


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]…")
@root_option
@click.option(
    "--patch",
    "patches",
    multiple=True,
    metavar="NAME",
    help="A patch: what it selects now is what it is to select; repeatable.",
)
@click.option(
    "--as-new",
    is_flag=True,
    help="A file whose file below is gone is a file of this catalog from now on.",
)
def command(paths: tuple[str, ...], root: Path, patches: tuple[str, ...], as_new: bool) -> int:
    """Record in matrix.lock that somebody has looked at what is below.

    PATH is a file of this catalog that stands in the place of one below.

    \b
    Example:
      builder upstream accept images/base/Dockerfile.j2
    """
    if not paths and not patches:
        raise SelectionError("nothing to accept is named", hint="name a PATH, or a --patch NAME")
    workspace = following(root)
    stack = read_stack(workspace)
    if stack.project is None:
        raise_all(stack.errors)
    check_patches(workspace.files, patches)
    accepted = accept_replaced(workspace.files, paths, as_new=as_new) if paths else ()
    if patches and stack.project:
        accepted = (*accepted, *accept_patches(stack.project, workspace.files, patches))
    for name in accepted:
        click.echo(f"{name} accepted", err=True)
    return 0
