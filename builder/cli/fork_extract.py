"""`builder fork extract`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.fork_extract import opened, original, write_extracted
from builder.common.errors import DifferenceError
from builder.common.text import count

_MOST = 20  # paths that are listed


@click.command()
@click.option(
    "--from",
    "source",
    required=True,
    metavar="SOURCE[@REF]",
    help="The catalog that was copied, as it was then: a folder, an address of git, or"
    " oci://REPOSITORY.",
)
@click.option(
    "--fork",
    "copy",
    default=".",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the copy.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to: a new one, or an empty one.",
)
def command(source: str, copy: Path, out: Path) -> int:
    """Write what a copied catalog has otherwise as a catalog that stands on the original.

    What several charts have otherwise becomes a patch. At its end it holds the new catalog against
    the copy, and lists what is not alike.

    \b
    Example:
      builder fork extract --from ../catalog --out ../my-fork
      builder fork extract --from https://git.example/catalog.git@v1.2 --out ../my-fork
    """
    with original(source, out) as below:
        found, unlike = write_extracted(out, below, opened(copy))
    for path in found.files:
        click.echo(f"  {path}")
    decisions = count(found.decisions, "decision")
    patches = "1 patch" if found.patches == 1 else f"{found.patches} patches"
    click.echo(f"{decisions}, {patches}, in {count(len(found.files), 'file')}.")
    if found.not_carried:
        click.echo(f"Removed in the copy, which no file says here:{_some(found.not_carried)}")
    if unlike:
        click.echo(f"Not as in the copy:{_some(unlike)}")
        return DifferenceError.exit_code
    click.echo("It has the images and charts of the copy, all alike.")
    return 0


def _some(lines: tuple[str, ...] | list[str]) -> str:
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return "".join(f"\n  {line}" for line in (*lines[:_MOST], *more))
