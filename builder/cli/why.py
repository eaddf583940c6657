"""`builder why`."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.options import Options, planning
from builder.cli.wiring import Session
from builder.history import History
from builder.provenance import Provenance
from builder.report.reasons import as_text


@click.command()
@click.argument("package")
@click.argument("image", required=False)
@planning
def command(package: str, image: str | None, **given: Any) -> int:
    """Say since which release a package has its version, and what brought it.

    IMAGE is a glob over ids or image names; all that have the package where there is none.

    \b
    Example:
      builder why libssl3t64 'jupyter-*'
    """
    session = Session(Options(**given))
    provenance = Provenance(
        catalog=session.catalog,
        expansion=session.project.expansion,
        versions=session.project.lock.versions if session.project.lock else {},
        history=History(catalog=session.catalog, store=session.store, images=session.store),
    )
    with session.registry():
        click.echo(as_text(provenance.why(package, image)))
    return 0
