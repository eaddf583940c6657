"""`builder fork init`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from builder.app.first_catalog import EMBEDDED, name_of
from builder.app.fork_init import Fork, write_fork
from builder.catalog.policies import FOLLOW_RELEASES
from builder.cli.open import notify
from builder.common.text import count


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    required=True,
    metavar="SOURCE[@REF]",
    help="The catalog that it stands on: a folder, an address of git, or oci://REPOSITORY.",
)
@click.option(
    "--follow",
    default=FOLLOW_RELEASES,
    show_default=True,
    type=click.Choice(["releases", "commits"]),
    help="Of git: pin what a release was made from, or any commit.",
)
@click.option("--name", default="", help="The name of the catalog; by default that of the folder.")
@click.option(
    "--registry",
    default=EMBEDDED,
    help="The registry for images and charts, host[:port][/path]; by default one in build/.",
)
@click.option(
    "--ca", default="", metavar="FILE", help="A file of certificates that builds trust, too."
)
@click.option(
    "--offer",
    multiple=True,
    metavar="SELECTOR",
    help="Offer these charts and no other; repeatable. By default all.",
)
def command(folder: Path, offer: tuple[str, ...], name: str, **said: str) -> int:
    """Write a catalog that stands on another one to DIR, which is empty or not yet there.

    It has the images and charts of the other one, and copies no recipe and no chart: what you say
    otherwise goes into its matrix.yaml. At its end it makes a plan, and asks no registry for it.

    \b
    Example:
      builder fork init --from ../catalog --registry ghcr.io/myorg my-fork
      builder fork init --from ../catalog --offer 'jupyter-*' notebooks
    """
    fork = Fork(name=name or name_of(folder.resolve()), offer=offer, **said)
    found = write_fork(folder, fork, notify)
    for path in found.paths:
        click.echo(f"  {path}")
    click.echo(
        f"The catalog {fork.name}, which stands on {found.upstream}:"
        f" {count(found.targets, 'target')}, {count(found.charts, 'chart')}."
    )
    if found.is_locked:
        click.echo(f"{found.alike} of {found.targets} targets are the same image as there.")
    else:
        click.echo(f"{found.upstream} is not locked: `builder lock` locks it here.")
    click.echo("Next:\n")
    lines = [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]
    lines += ["builder plan      # what would be done, and why", "$EDITOR matrix.yaml"]
    click.echo("\n".join(f"  {line}" for line in lines))
    return 0
