"""`builder init`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from builder.app.first_catalog import EMBEDDED, first_catalog, name_of, write_catalog


@click.command()
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=".")
@click.option("--name", default="", help="The name of the catalog; by default that of the folder.")
@click.option(
    "--registry",
    default=EMBEDDED,
    help="The registry for images and charts, host[:port][/path]; by default one in build/.",
)
def command(folder: Path, name: str, registry: str) -> int:
    """Write a first catalog to DIR: an image, its test and its chart.

    It is small and complete: `builder weekly` builds, tests and releases all of it in minutes. No
    file that is in DIR is replaced.

    \b
    Example:
      builder init my-catalog --registry ghcr.io/myorg
    """
    name = name or name_of(folder.resolve())
    files = first_catalog(name, registry)
    write_catalog(folder, files)
    for path in files:
        click.echo(f"  {path}")
    lines = [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]
    lines.append("builder doctor --install   # gets what this machine lacks")
    if registry != EMBEDDED:
        lines.append(f"skopeo login {registry.partition('/')[0]}   # or docker login, podman login")
    lines.append("builder weekly             # locks, builds, tests and releases: a few minutes")
    click.echo(f"The catalog {name}, which begins with matrix.yaml. Next:\n")
    click.echo("\n".join(f"  {line}" for line in lines))
    return 0
