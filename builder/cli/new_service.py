"""`builder new service`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.load import load
from builder.app.scaffold import service
from builder.cli.new_files import tell, write_new
from builder.cli.options import root as root_option


@click.command()
@click.argument("name")
@click.option(
    "--on", "origin", required=True, help="The parent: an image, or an axis of base images."
)
@root_option
def command(name: str, origin: str, root: Path) -> int:
    """Write an image that serves, and its chart: images/NAME, charts/NAME, and their lines.

    It serves a page. Put your program in its place, in the recipe and in chart.yaml.

    \b
    Example:
      builder new service my-dashboard --on base
    """
    write_new(root, service(load(root).catalog, name, origin))
    tell(f"builder lock -s {name}", f"builder build -s {name}", f"builder charts -s {name}")
    return 0
