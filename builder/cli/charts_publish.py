"""`builder charts publish`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.catalog.selection import select_charts
from builder.charts.next_version import files_of, predict_upstream
from builder.charts.repository.backends import repository_at
from builder.charts.repository.publish import Released
from builder.charts.repository.signing import signer
from builder.charts.semver import chart_fingerprint
from builder.cli.open import open_app
from builder.cli.options import planning
from builder.common.errors import SelectionError, StepError
from builder.common.text import count
from builder.plan.registry_state import releases_reference
from builder.registry.release_record import Record

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@planning
@click.option("--to", required=True, metavar="PLACE", help="A folder, or oci://REGISTRY/PATH.")
@click.option(
    "--against",
    default="",
    metavar="URL",
    envvar="BUILDER_AGAINST",
    help="The URL that serves the folder now; versions missing in the folder are downloaded first.",
)
@click.option("--sign-key", metavar="NAME", help="Sign packages, as `helm package --sign` does.")
@click.option(
    "--keyring", type=_FILE, help="A file of exported secret keys; by default the keyring of gpg."
)
@click.option("--passphrase-file", type=_FILE, help="A file with the passphrase of the key.")
def command(
    to: str,
    against: str,
    sign_key: str | None,
    keyring: Path | None,
    passphrase_file: Path | None,
    **options: Any,
) -> int:
    """Copy the charts of the current release to another repository.

    Versions follow from the newest ones in that repository: no change, no new version. Older
    versions stay listed, and the index is replaced last, by rename.

    \b
    Example:
      builder charts publish --to public --against https://charts.example.org
      builder charts publish --to oci://ghcr.io/myorg/charts --sign-key NAME --keyring secret.gpg
    """
    app = open_app(**options)
    store = app.adapters.store
    repository = repository_at(to, against=against, store=store, fetcher=app.adapters.files)
    with app.registry(), contextlib.ExitStack() as stack:
        record = _record(app)
        names = _names(app, record)
        sign = None
        if sign_key:
            runner = app.adapters.runner
            keys = signer(runner, sign_key, keyring=keyring, passphrase=passphrase_file)
            sign = stack.enter_context(keys.ready())
        released = Released(record=record, matrix=app.catalog.matrix, store=store)
        changes = released.publish(names, repository, sign)
    for name, change in changes.items():
        click.echo(f"{name} {change.version}: {change.reason}")
        if _is_behind(app, record, name):
            click.echo(f"{name}: changed here since; `builder publish` releases it", err=True)
    new = sum(change.action == "package" for change in changes.values())
    click.echo(f"{new} of {count(len(changes), 'chart')} published to {to}", err=True)
    return 0


def _record(app: App) -> Record:
    """Return the current release. Raises StepError if there is none."""
    record = app.adapters.records.current()
    if record is None:
        reference = releases_reference(app.catalog)
        hint = "`builder weekly` builds, tests and releases; `builder publish` does the last of it"
        raise StepError(f"nothing is released in {reference.name}", hint=hint)
    return record


def _names(app: App, record: Record) -> list[str]:
    """Return the released charts that have a selected image. Raises SelectionError."""
    expansion = app.project.expansion
    charts = [
        *expansion.charts_of(app.selected()),
        *select_charts(expansion, app.options.select),
    ]
    names = [name for name in charts if name in record.charts]
    if not names:
        raise SelectionError("the current release has no such chart", hint="`builder charts`")
    return names


def _is_behind(app: App, record: Record, name: str) -> bool:
    """Whether the catalog would make something else of a chart than what is released."""
    chart = record.charts[name]
    if name in app.catalog.matrix.upstream_charts:
        locked = app.locked().charts.get(name)
        if locked is None:
            return False
        return predict_upstream(app.catalog, name, locked, chart)[0].action != "keep"
    files = files_of(app.catalog, name, chart.images, chart.version)
    return chart_fingerprint(files) != chart.fingerprint
