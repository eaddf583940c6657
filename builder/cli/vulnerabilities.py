"""`builder vulnerabilities`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.cli.open import notify, open_app
from builder.cli.options import planning


@click.command()
@planning
@click.option(
    "--database",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="BUILDER_OSV",
    help="The folder of the database, in place of that of matrix.yaml.",
)
@click.option(
    "--refresh",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Make the database anew from this folder, an export of OSV, before.",
)
@click.option("--released", "is_released", is_flag=True, help="Examine the current release.")
@click.option(
    "--sbom",
    "document",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Examine a document in CycloneDX, of anybody.",
)
@click.option(
    "--format", "style", type=click.Choice(["text", "markdown", "json"]), default="text",
    show_default=True, help="For people, for a page, or for machines.",
)  # fmt: skip
def command(
    database: Path | None,
    refresh: Path | None,
    is_released: bool,
    document: Path | None,
    style: str,
    **options: Any,
) -> int:
    """Show the known vulnerabilities of what is locked or released, by package.

    What matrix.lock has is examined, or with --released what is offered. Ends with 10 where the
    policy of matrix.yaml (security) holds an image back. No database is fetched from anywhere.

    \b
    Example:
      builder vulnerabilities --refresh osv-export
      builder vulnerabilities --select 'jupyter-*' --format markdown
      builder vulnerabilities --released
    """
    from builder.app.vulnerabilities import Vulnerabilities
    from builder.common.errors import HeldBackError
    from builder.common.text import count
    from builder.gate.database import refresh as make
    from builder.report import vulnerabilities as report

    app = open_app(**options)
    looked_at = Vulnerabilities(app, database)
    if refresh is not None:
        index = make(looked_at.folder, refresh, app.options.today)
        records = count(index.count, "record")
        notify(f"vulnerabilities: {records}, the newest of {index.newest}")
    if document is not None:
        examined = looked_at.of_document(document)
    else:
        examined = looked_at.of_release() if is_released else looked_at.of_lock()
    if examined.is_old:
        notify(f"vulnerabilities: the database is of {examined.index.made}: refresh it")
    write = {"text": report.as_text, "markdown": report.as_markdown, "json": report.as_json}[style]
    click.echo(write(examined.survey, examined.decision, examined.index), nl=False)
    return HeldBackError.exit_code if examined.decision.blocked else 0
