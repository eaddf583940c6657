"""`builder key create`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from builder.trust import keys


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The files to write, without .key and .pub.",
)
def command(out: Path) -> int:
    """Make a pair of keys: OUT.key, which only you can read, and OUT.pub for everybody.

    Nothing is overwritten. Where the environment has CATALOG_SIGN_PASSWORD, the private key is
    encrypted with it. Keep OUT.key out of the repository, and commit OUT.pub.

    \b
    Example:
      builder key create --out keys/2026
    """
    private, public = keys.create(out, os.environ.get("CATALOG_SIGN_PASSWORD", ""))
    click.echo(f"{private}: private, keep it secret and out of git", err=True)
    click.echo(f"{public}: public, commit it", err=True)
    return 0
