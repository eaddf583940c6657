"""`builder workflows`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from builder.ci.shards import depth
from builder.ci.systems import CI_SYSTEMS, CISystem, Described, Follow
from builder.ci.tasks import tasks
from builder.cli.named import Named
from builder.cli.open import open_app
from builder.cli.options import root
from builder.common.errors import ConfigError
from builder.common.files import write
from builder.common.limits import ARTIFACT_FILE, read_json
from builder.lock.lockfile import Lock

_DEFAULT = next(iter(CI_SYSTEMS.built_in))


@click.command()
@root
@click.option(
    "--system",
    "--ci",
    "system",
    default=_DEFAULT,
    show_default=True,
    type=Named(CI_SYSTEMS),
    help="The CI system whose files are written.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; fail where a file differs from what would be written.",
)
@click.option(
    "--schema",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The JSON schema of the version that takes the files: a field that it lacks fails.",
)
def command(*, system: str, check: bool, schema: Path | None, **options: Any) -> int:
    """Write the workflows of a CI system that keep this catalog.

    Those of GitHub Actions go to .github/workflows. They depend on the depth of the build graph, on
    the digest that matrix.lock has of the image that their jobs run in, and on whether the catalog
    stands on another one: then upstream.yml follows that, and jobs install the builder that
    requirements.txt names. The manifests of Argo Workflows go to argo; they have a task for each
    step. The pipelines of GitLab go to .gitlab-ci.yml and .gitlab.

    \b
    Example:
      builder workflows && git diff .github
    """
    app = open_app(**options)
    lock = app.project.lock or Lock()
    ci = CI_SYSTEMS.get(system, catalog=app.workspace.root)
    expansion, extends = app.project.expansion, app.catalog.matrix.extends
    is_merged = all(item.automerge == "clean" for item in extends)
    files = ci.workflows(
        depth(expansion),
        lock.containers,
        follow=Follow(automerge=is_merged) if extends else None,
        tasks=tasks(expansion),
    )
    if not files:
        click.echo(f"{system} needs no files: `builder weekly` is the week", err=True)
        return 0
    if schema is not None:
        _check_fields(system, ci, files, schema)
    again = "builder workflows" if system == _DEFAULT else f"builder workflows --system {system}"
    _write(files, app.workspace.root, again=again if check else "")
    return 0


def _write(files: Mapping[str, bytes], root: Path, *, again: str) -> None:
    """Write the files that differ. With a command `again`, raise ConfigError where one does."""
    files_by_path = {root / name: data for name, data in files.items()}
    outdated = [
        path
        for path, data in files_by_path.items()
        if not path.is_file() or path.read_bytes() != data
    ]
    if again and outdated:
        names = ", ".join(str(path.relative_to(root)) for path in outdated)
        raise ConfigError(
            f"the generated workflows are out of date: {names}", hint=f"run `{again}`"
        )
    for path in outdated:
        write(path, files_by_path[path])
        click.echo(f"{path} written", err=True)
    if not outdated:
        click.echo("the workflows are up to date", err=True)


def _check_fields(name: str, ci: CISystem, files: Mapping[str, bytes], schema: Path) -> None:
    """Raise ConfigError where the schema of a version lacks what the files use."""
    if not isinstance(ci, Described):
        raise ConfigError(f"the files of {name} are compared with no schema: leave out --schema")
    data = read_json(schema.read_bytes(), ARTIFACT_FILE, str(schema), error=ConfigError)
    try:
        missing = ci.lacking(files, data)
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{schema} is not a JSON schema of {ci.title}: {error!r}",
            hint=f"it is {ci.schema_file} in the source of its version",
        ) from error
    if missing:
        raise ConfigError(
            f"this version of {ci.title} lacks what the files use: {', '.join(missing)}",
            hint=f"install {ci.title} {ci.oldest} or newer",
        )
