"""What the commands below `builder new` do alike."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.scaffold import Scaffold, add


def write_new(root: Path, scaffold: Scaffold) -> None:
    """Write a scaffold to a catalog, and print what was written."""
    add(root, scaffold)
    for path in scaffold.files:
        click.echo(f"  {path}")
    for section in scaffold.entries:
        click.echo(f"  matrix.yaml: {section}.{scaffold.name}")


def tell(*lines: str) -> None:
    """Print what is next."""
    click.echo("Next:\n")
    for line in lines:
        click.echo(f"  {line}")
