"""`builder new chart`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.load import load
from builder.app.scaffold import chart
from builder.cli.new_files import tell, write_new
from builder.cli.options import root as root_option


@click.command()
@click.argument("name")
@click.option("--image", required=True, help="The image that it starts.")
@root_option
def command(name: str, image: str, root: Path) -> int:
    """Write a chart of an image: charts/NAME with its tests, and a line in matrix.yaml.

    It starts what `command` and `ports` in the recipe of the image say.

    \b
    Example:
      builder new chart my-notebook --image jupyter-python
    """
    write_new(root, chart(load(root).catalog, name, image))
    tell(f"builder charts -s {image}")
    return 0
