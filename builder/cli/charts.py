"""`builder charts`, and the commands below it."""

from __future__ import annotations

from typing import Any

import click

from builder.cli.lazy import LazyGroup
from builder.cli.options import kubeconfig, running

# Each is a module `charts_<name>` of this package with a function `command`.
COMMANDS = {
    "check": "check that a chart meets the requirements of Onyxia",
    "launch": "print the values that a launch from Onyxia's form sends",
    "publish": "copy released charts into a folder of static pages, or an OCI registry",
}


@click.group(
    cls=LazyGroup,
    summaries=COMMANDS,
    modules="builder.cli.charts_{}",
    invoke_without_command=True,
)
@running
@kubeconfig
@click.pass_context
def command(ctx: click.Context, /, show_commands: bool, **options: Any) -> int:
    """Render, check and run the charts that changed, and push their packages.

    Build their images first, with `builder build`. Nothing is released yet: that is
    `builder publish`.

    \b
    Example:
      builder charts --select 'jupyter-r'
      builder charts check path/to/chart chart-1.2.3.tgz
      builder charts launch jupyter-r --context context.yaml
      builder charts publish --to public/charts
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from builder.cli.open import open_app
    from builder.cli.run import run_steps

    app = open_app(**options)
    return run_steps(app, {"chart"}, ending_of="chart", show_commands=show_commands)
