"""`builder copy`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.load import load
from builder.cli.open import app_on, notify
from builder.cli.options import named_registry
from builder.cli.options import root as root_option
from builder.common.errors import SelectionError
from builder.release.copy import RegistryCopy, summary


@click.command()
@root_option
@click.option("--all", "is_all", is_flag=True, required=True, help="Copy all that is there.")
@click.option(
    "--from",
    "source",
    callback=named_registry,
    help="The registry that is read; by default the first of matrix.yaml.",
)
@click.option(
    "--to", "target", required=True, callback=named_registry, help="The registry that is filled."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be copied.")
def command(root: Path, is_all: bool, source: str | None, target: str, dry_run: bool) -> int:
    """Copy a whole registry to another one: images, metadata, signatures, charts and releases.

    All keep their digests. What is there already is not sent again, and nothing is removed, so the
    same command goes on where it was ended. Charts name the registry that they were made for: the
    next release to the other registry makes new versions of them, and builds no image.

    \b
    Example:
      builder copy --all --to registry.example.org/catalog
    """
    project = load(root)
    source = source or project.catalog.matrix.registries[0]
    if source == target:
        raise SelectionError(f"--to is the registry that is read: {source}", hint="--to REGISTRY")
    app = app_on(project, registries=(source, target))
    host = app.catalog.matrix.host
    with app.registry():
        copy = RegistryCopy(
            catalog=app.catalog,
            store=app.adapters.store,
            source=host(source),
            target=host(target),
        )
        plan = copy.prepare()
        click.echo(summary(plan, host(target)))
        if dry_run:
            click.echo("nothing was copied: leave out --dry-run to copy it")
            return 0
        copy.carry_out(plan, notify)
    click.echo(f"{host(target)} has all that {host(source)} has")
    return 0
