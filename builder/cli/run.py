"""What the commands that carry out steps have in common: they plan, run, and say how it went."""

from __future__ import annotations

from collections.abc import Collection

import click

from builder.app.app import App
from builder.app.run import Run, steps_of
from builder.lock.lockfile import Lock
from builder.report import weekly
from builder.report.release import ending


def plan_and_run(
    app: App,
    kinds: Collection[str],
    *,
    lock: Lock,
    only: Collection[str] = (),
    show_commands: bool,
) -> Run | None:
    """Plan, and carry out the steps of these kinds, and those with the ids `only`.

    With `show_commands` the commands that they would run are printed instead.
    """
    planned = app.plan(lock=lock)
    if not show_commands:
        return app.run(planned, kinds, only=only)
    steps = steps_of(planned.plan, kinds, only)
    for line in app.adapters.commands(app.context(planned), steps):
        click.echo(line)
    return None


def run_steps(
    app: App,
    kinds: Collection[str],
    *,
    ending_of: str,
    show_commands: bool,
    only: Collection[str] = (),
    beside: bool = False,
) -> int:
    """Plan, carry out steps, print how those of the kind `ending_of` ended; return the exit code.

    The arguments are those of `plan_and_run`, and of `App.working`.
    """
    lock = app.fitting_lock()
    with app.working(beside=beside):
        run = plan_and_run(app, kinds, lock=lock, only=only, show_commands=show_commands)
    if run is None:
        return 0
    tell_ending(run, ending_of)
    return run.exit_code


def tell_ending(run: Run, kind: str) -> None:
    """Print what came of the steps of a kind, after every failure; nothing where none was done."""
    tell_failures(run)
    results = [result for key, result in run.results.items() if run.plan.steps[key].kind == kind]
    if results:
        release = weekly.release_row(run.plan, run.results)
        for text in ending(kind, results, release):
            click.echo(text)


def tell_failures(run: Run, retry: str = "builder step '{}'") -> None:
    """Print every failure in full, and the command that tries just that step again, if any."""
    for result in run.results.values():
        if result.status == "failed":
            click.echo(f"\n{result.step} failed: {result.reason}", err=True)
            if retry:
                click.echo(f"  retry just this: {retry.format(result.step)}", err=True)
