"""`builder schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.catalog.models import Matrix
from builder.catalog.parser import layered
from builder.catalog.schema import names_of, overlay_schema
from builder.cli.open import open_app
from builder.cli.options import planning
from builder.common.files import write
from builder.overlay.source_catalogs import MATRIX


@click.command()
@planning
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write.",
)
def command(out: Path, **options: Any) -> int:
    """Write a JSON schema with which an editor completes a matrix.yaml that has `extends`.

    It lists the axes, values, images, charts, features and paths of values of the catalog with
    those below it. For a catalog that stands alone, it is the schema of those that stand on it.
    Its name belongs into the first line of matrix.yaml: `# yaml-language-server: $schema=FILE`.

    \b
    Example:
      builder schema --out overlay.schema.json
    """
    app = open_app(**options)
    document = layered(app.workspace.files.texts_of(MATRIX), MATRIX, Matrix)
    names = names_of(app.catalog, document)
    write(out, overlay_schema(names).encode())
    click.echo(f"{out} written", err=True)
    return 0
