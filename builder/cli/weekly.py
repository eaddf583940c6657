"""`builder weekly`: a composition of the other commands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.build.events import ReleaseResult, Result, detail_of
from builder.cli.lock import relock
from builder.cli.options import disk, running
from builder.cli.run import Interrupted, Outcome, carry_out, tell_failures
from builder.common.errors import BuilderError, StepError
from builder.common.filelock import run_lock
from builder.common.files import write
from builder.diff.compare import Difference
from builder.diff.history import History
from builder.lock.problems import Problem, failures, not_locked
from builder.report import weekly
from builder.report.run_stats import read_bake

KINDS = ("base", "build", "chart", "release")


@click.command()
@running
@disk
def command(**given: Any) -> int:
    """Do the whole job: lock, plan, build, test, package charts, release, report.

    Writes build/report.json and build/report.md, also when it is stopped.

    \b
    Example:
      builder weekly --jobs 4 --select 'jupyter-*'
    """
    # What the lock does not fit once it was made anew costs its own targets, not the week.
    app = App(Options(**{**given, "block_unlocked": True}))
    if app.options.show_commands:
        with app.registry():
            carry_out(app, app.locked(), KINDS)
        return 0
    with run_lock(app.workspace.state), app.registry():
        try:
            locked = relock(app)
            outcome = carry_out(app, locked.lock, KINDS)
        except Interrupted as stop:
            report = _report(app, stop.outcome, locked.problems, stopped=stop.signal)
            click.echo(f"how far it came: {report}", err=True)
            raise
        except (BuilderError, KeyboardInterrupt):
            if (report := app.workspace.state.report_markdown).exists():
                click.echo(f"{report} is that of an earlier run", err=True)
            raise
        changes = _changes(app, outcome.results.get("release"))
    report = _report(app, outcome, locked.problems, changes=changes)
    text = report.read_text(encoding="utf-8")
    if app.ci_system and (summary := app.ci_system.summary(os.environ)):
        with summary.open("a", encoding="utf-8") as step_summary:
            step_summary.write(text)
    tell_failures(outcome)
    click.echo(text)
    failed = failures(locked.problems, reachable=app.options.reachable)
    for error in failed:
        click.echo(f"error: {error}", err=True)
    # Whatever it was, it is one of many things by now.
    return outcome.exit_code or (StepError.exit_code if failed else 0)


def _report(
    app: App,
    outcome: Outcome,
    problems: Sequence[Problem],
    *,
    changes: Difference | None = None,
    stopped: str = "",
) -> Path:
    """Write report.json and report.md, and return where the latter is."""
    state = app.workspace.state
    data = weekly.report_of(
        outcome.plan,
        outcome.results,
        outcome.seconds,
        jobs=outcome.jobs,
        disk=outcome.disk,
        bake=read_bake(state.bake_measurement),
        changes=changes,
        stopped=stopped,
        not_locked=not_locked(problems),
    )
    write(state.report_json, weekly.as_json(data).encode())
    write(state.report_markdown, weekly.as_markdown(data).encode())
    return state.report_markdown


def _changes(app: App, released: Result | None) -> Difference | None:
    """Return what differs from the release before; None where that is not known."""
    release = detail_of(released, ReleaseResult)
    if released is None or release is None:
        return None
    name, before = release.release, release.previous
    if released.status == "reused":  # of an earlier run: nothing has changed since
        before = name
    if before is None:
        return None
    history = History(catalog=app.catalog, store=app.store)
    try:
        return history.compare(history.record(before), history.record(name))
    except BuilderError as error:  # what was released is, and is reported
        click.echo(f"what changed since {before} is not known: {error}", err=True)
        return None
