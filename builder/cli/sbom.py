"""`builder sbom`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.cli.open import notify, open_app
from builder.cli.options import planning


@click.command()
@click.argument("image", metavar="TARGET|REF")
@planning
@click.option(
    "--format", "style", type=click.Choice(["cyclonedx", "spdx"]), default="cyclonedx",
    show_default=True, help="CycloneDX 1.6 or SPDX 2.3, both in JSON.",
)  # fmt: skip
@click.option(
    "--flat/--own",
    "is_flat",
    default=True,
    help="All that is in the image (default), or only what it adds to its parent.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write, in place of the standard output.",
)
@click.option(
    "--check",
    "is_checked",
    is_flag=True,
    help="Compare the image in the registry with the list instead; nothing in it is run.",
)
def command(
    image: str, style: str, is_flat: bool, output: Path | None, is_checked: bool, **options: Any
) -> int:
    """Write the list of what is in an image (SBOM), from the lock and the base's package status.

    TARGET is an id, a glob or an image's name; its image need not be built. REF is the reference of
    an image of the current release. The same image has the same document, to the byte.

    With --check, say which packages are in both, only in the lock, and only in the image; the last
    end with 6.

    \b
    Example:
      builder sbom jupyter-python
      builder sbom jupyter-python --format spdx --output jupyter-python.spdx.json
      builder sbom jupyter-python --own
      builder sbom jupyter-python --check
    """
    from builder.app.sbom import Sboms
    from builder.common.files import write
    from builder.sbom import cyclonedx, spdx

    app = open_app(**{**options, "select": ()})
    if is_checked:
        return _check(app, image)
    document = Sboms(app).of(image, is_flat=is_flat)
    for part, why in document.unknown.items():
        notify(f"sbom: nothing is listed of {part}: {why}")
    data = cyclonedx.dump(document) if style == "cyclonedx" else spdx.dump(document)
    if output is None:
        click.echo(data.decode(), nl=False)
    else:
        write(output, data)
    return 0


def _check(app: App, image: str) -> int:
    """Print how an image differs from the lock. Raises ContentError for what nothing explains."""
    from builder.app.cross_check import compare
    from builder.common.errors import ContentError
    from builder.common.text import count

    found = compare(app, image)
    for line in found.lines():
        click.echo(line)
    if not found.is_explained:
        names = {item.name for item in found.only_image}
        things = [count(len(names), "package")] if names else []
        things += [count(len(found.files), "file")] if found.files else []
        raise ContentError(
            f"{image} has {' and '.join(things)} that nothing explains",
            hint="lock it in recipe.yaml, or state it there: `expects: {pip: [NAME]}`",
        )
    return 0
