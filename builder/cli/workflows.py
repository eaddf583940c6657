"""`builder workflows`."""

from __future__ import annotations

from typing import Any

import click

from builder.ci.shards import depth
from builder.ci.systems import CI_SYSTEMS, Follow
from builder.cli.named import Named
from builder.cli.open import open_app
from builder.cli.options import root
from builder.common.errors import ConfigError
from builder.common.files import write
from builder.lock.lockfile import Lock


@click.command()
@root
@click.option(
    "--ci",
    "system",
    default=next(iter(CI_SYSTEMS.built_in)),
    show_default=True,
    type=Named(CI_SYSTEMS),
    help="The CI system whose files are written.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; fail where a file differs from what would be written.",
)
def command(*, system: str, check: bool, **options: Any) -> int:
    """Write the workflows of GitHub Actions that keep this catalog, to .github/workflows.

    They depend on the depth of the build graph, on the digest that matrix.lock has of the image
    that their jobs run in, and on whether the catalog stands on another one: then upstream.yml
    follows that, and jobs install the builder that requirements.txt names.

    \b
    Example:
      builder workflows && git diff .github
    """
    app = open_app(**options)
    lock = app.project.lock or Lock()
    ci = CI_SYSTEMS.get(system, catalog=app.workspace.root)
    levels = depth(app.project.expansion)
    if extends := app.catalog.matrix.extends:
        is_merged = all(item.automerge == "clean" for item in extends)
        files = ci.workflows(levels, lock.containers, follow=Follow(automerge=is_merged))
    else:
        files = ci.workflows(levels, lock.containers)
    files_by_path = {app.workspace.root / name: data for name, data in files.items()}
    outdated = [
        path
        for path, data in files_by_path.items()
        if not path.is_file() or path.read_bytes() != data
    ]
    if check and outdated:
        names = ", ".join(str(path.relative_to(app.workspace.root)) for path in outdated)
        raise ConfigError(
            f"the generated workflows are out of date: {names}", hint="run `builder workflows`"
        )
    for path in outdated:
        write(path, files_by_path[path])
        click.echo(f"{path} written", err=True)
    if not outdated:
        click.echo("the workflows are up to date", err=True)
    return 0
