"""`builder upstream status`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.app.stacks import read_stack
from builder.cli.options import releasing
from builder.cli.stacks import compared, following
from builder.report.stacks import as_status


@click.command()
@releasing
def command(root: Path, **options: Any) -> int:
    """Show what this catalog stands on, and what becomes of its patches and files there.

    It reads matrix.lock and the catalogs below, and ends well whatever it finds.

    \b
    Example:
      builder upstream status
    """
    stack = read_stack(following(root))
    found = compared(stack, stack, {}, **options)
    click.echo(as_status(found, stack.files, options["today"]))
    return 0
