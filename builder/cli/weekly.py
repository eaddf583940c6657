"""`builder weekly`."""

from __future__ import annotations

import os
from typing import Any

import click

from builder.app.week import KINDS, run_week
from builder.cli.open import ci_system, open_app
from builder.cli.options import disk, kubeconfig, running
from builder.cli.run import plan_and_run, tell_failures


@click.command()
@running
@kubeconfig
@disk
def command(show_commands: bool, **options: Any) -> int:
    """Do the whole job: lock, plan, build, test, package charts, release, report.

    Writes build/report.json and build/report.md, also when it is stopped.

    \b
    Example:
      builder weekly --jobs 4 --select 'jupyter-*'
    """
    app = open_app(**options)
    if show_commands:
        app = app.with_options(block_unlocked=True)
        with app.registry():
            plan_and_run(app, KINDS, lock=app.locked(), show_commands=True)
        return 0
    week = run_week(app)
    text = week.report.read_text(encoding="utf-8")
    system = ci_system(options["root"], options["ci"])
    if system and (summary := system.summary(os.environ)):
        with summary.open("a", encoding="utf-8") as step_summary:
            step_summary.write(text)
    tell_failures(week.run)
    click.echo(text)
    for error in week.failures:
        click.echo(f"error: {error}", err=True)
    return week.exit_code
