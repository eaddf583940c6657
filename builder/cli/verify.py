"""`builder verify`."""

from __future__ import annotations

from typing import Any

import click

from builder.app import recheck, signing
from builder.app.app import App
from builder.cli.open import open_app
from builder.cli.options import running
from builder.common.errors import TrustError
from builder.plan.step_id import StepId
from builder.report.verify import FORMATS


@click.command()
@click.argument("targets", nargs=-1)
@running
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
@click.option("--signatures", is_flag=True, help="Build nothing; say what is signed, and by whom.")
def command(
    *,
    targets: tuple[str, ...],
    style: str,
    signatures: bool,
    show_commands: bool,
    **options: Any,
) -> int:
    """Rebuild images, and compare them with those in the registry, file by file.

    TARGETS are selections. An engine that keeps its images below build/ (podman) builds each one on
    its parent from the registry, in a folder of its own, without any cache. Nothing is pushed. The
    exit code is 8 where files differ and the recipe states no reason. With --signatures nothing is
    built: it lists what is signed, and the exit code is 9 where something is not.

    \b
    Example:
      builder verify base 'jupyter-*,python=3.13'
    """
    app = open_app(**{**options, "select": targets or options["select"]})
    if signatures:
        return _signatures(app)
    verified = recheck.verify(app)
    verdicts = verified.verdicts
    click.echo(FORMATS[style]([verdicts[key] for key in app.selected() if key in verdicts]))
    for result in verified.run.results.values():
        if result.status == "failed" and StepId(result.step).target not in verdicts:
            click.echo(f"\n{result.step} failed: {result.reason}", err=True)
    return verified.run.exit_code


def _signatures(app: App) -> int:
    """List what is signed; return the exit code."""
    found = signing.signatures(app)
    for key, trust in found.items():
        click.echo(f"{trust.state:8}  {key}  {trust.reason}")
    return 0 if all(it.is_signed for it in found.values()) else TrustError.exit_code
