"""`builder doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from builder.app.doctor import examine, examine_lock, examine_providers, install, install_browser
from builder.cli.open import host_tools, open_app
from builder.cli.options import engine
from builder.cli.options import root as root_option
from builder.common.errors import ToolError


@click.command()
@root_option
@engine
@click.option(
    "--install", "is_to_install", is_flag=True, help="Install what is missing; needs root."
)
@click.option(
    "--browser", is_flag=True, help="Install the browser that some smoke tests need; needs root."
)
def command(root: Path, engine: str, is_to_install: bool, browser: bool) -> int:
    """Show what this machine has, what the builder chose, and what to install.

    \b
    Example:
      builder doctor --install
    """
    host = host_tools(root)
    if is_to_install:
        install(host, engine, root.resolve())
        host = host_tools(root)
    if browser:
        install_browser(host.runner)
    findings = [*examine(host, engine, root.resolve())]
    app = open_app(root)
    failures = 0
    providers = examine_providers(app.catalog, app.adapters.reachability)
    for item in (*findings, *providers, *examine_lock(app.catalog, app.project.lock)):
        mark = "wait" if item.waits else "ok  " if item.ok else "BAD "
        click.echo(f"{mark} {item.subject}: {item.found}")
        if not item.ok:
            failures += 1
            click.echo(f"       {item.hint}")
    return ToolError.exit_code if failures else 0
