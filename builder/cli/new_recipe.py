"""`builder new recipe`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.load import load
from builder.app.scaffold import recipe
from builder.cli.new_files import tell, write_new
from builder.cli.options import root as root_option


@click.command()
@click.argument("name")
@click.option(
    "--on", "origin", required=True, help="The parent: an image, or an axis of base images."
)
@root_option
def command(name: str, origin: str, root: Path) -> int:
    """Write the recipe of an image: images/NAME with its tests, and a line in matrix.yaml.

    It adds nothing yet. Name packages in its recipe.yaml, or write the Dockerfile.

    \b
    Example:
      builder new recipe my-tool --on base
    """
    write_new(root, recipe(load(root).catalog, name, origin))
    tell(f"builder lock -s {name}", f"builder build -s {name}")
    return 0
