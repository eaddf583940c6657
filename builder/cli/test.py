"""`builder test`."""

from __future__ import annotations

from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.build.events import Listener, Result
from builder.build.run_context import RunContext
from builder.cli.options import running
from builder.cli.run import perform, tell_failures
from builder.common.errors import SelectionError
from builder.common.filelock import run_lock
from builder.plan.models import Step
from builder.plan.step_id import StepId


@click.command()
@running
def command(**given: Any) -> int:
    """Run the smoke tests of images in the registry again.

    \b
    Example:
      builder test --select 'python=3.13'
    """
    app = App(Options(**given))
    lock = app.fitting_lock()
    prints = app.fingerprints(lock)
    with run_lock(app.workspace.state), app.registry():
        plan = app.plan(lock, prints, app.observed(lock, prints))
        ids = [item for item in app.selected() if plan.targets[item].digest]
        if not ids:
            raise SelectionError(
                "the registry has none of these images", hint="run `builder build`"
            )
        steps: dict[str, Step] = {
            (key := StepId.of("test", item)): Step(
                id=key, kind="test", target=item, needs=(), action="test", reason=""
            )
            for item in ids
        }

        def make(listen: Listener) -> Any:
            work: RunContext = app.work(lock, prints, plan, listen)

            def test(step: Step) -> Result:
                return app.build_actions(work, app.store_of(step.id, listen)).test(step)

            return test

        outcome = perform(app, plan, steps, make)
    tell_failures(outcome)
    return outcome.exit_code
