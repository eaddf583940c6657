"""`builder why`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.open import open_app
from builder.cli.options import planning
from builder.diff.why import Provenance
from builder.report.why import as_text


@click.command()
@click.argument("package")
@click.argument("image", required=False)
@planning
def command(package: str, image: str | None, **options: Any) -> int:
    """Show since which release a package has its version, and which recipe introduced it.

    IMAGE is a glob over ids or image names; by default all images that have the package.

    \b
    Example:
      builder why libssl3t64 'jupyter-*'
    """
    app = open_app(**options)
    provenance = Provenance(project=app.project, history=app.adapters.history)
    with app.registry():
        click.echo(as_text(provenance.why(package, image)))
    return 0
