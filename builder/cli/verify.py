"""`builder verify`."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from builder.app.app import App
from builder.app.options import Options
from builder.app.state import discard
from builder.build.events import Listener, Result
from builder.build.image_diff import Verdict
from builder.build.verify import Verification
from builder.cli.options import running
from builder.cli.run import Outcome, perform
from builder.common.errors import DifferenceError, SelectionError
from builder.engines.table import engine_of, rebuilding_name
from builder.lock.lockfile import Lock
from builder.plan.fingerprint import Fingerprint
from builder.plan.models import Plan, Step
from builder.plan.step_id import StepId
from builder.project import Workspace
from builder.report.verify import FORMATS


@click.command()
@click.argument("targets", nargs=-1)
@running
@click.option("--format", "style", type=click.Choice(list(FORMATS)), default="table")
def command(targets: tuple[str, ...], style: str, **given: Any) -> int:
    """Rebuild images, and compare them with those in the registry, file by file.

    TARGETS are selections. An engine that keeps its images below build/ (podman) builds each one on
    its parent from the registry, in a folder of its own, without any cache. Nothing is pushed. The
    exit code is 8 where files differ and the recipe states no reason.

    \b
    Example:
      builder verify base 'jupyter-*,python=3.13'
    """
    options = Options(**{**given, "select": targets or given["select"]})
    engine = rebuilding_name(options.engine, catalog=options.root)
    app = App(replace(options, engine=engine))
    lock = app.fitting_lock()
    prints = app.fingerprints(lock)
    with app.registry():
        plan = app.plan(lock, prints, app.observed(lock, prints))
        ids = [item for item in app.selected() if plan.targets[item].digest]
        if not ids:
            raise SelectionError(
                "the registry has none of these images", hint="run `builder build`"
            )
        verdicts, outcome = _verify(app, lock, prints, plan, ids)
    click.echo(FORMATS[style]([verdicts[item] for item in ids if item in verdicts]))
    for result in outcome.results.values():
        if result.status == "failed" and StepId(result.step).target not in verdicts:
            click.echo(f"\n{result.step} failed: {result.reason}", err=True)
    return outcome.exit_code


def _verify(
    app: App, lock: Lock, prints: dict[str, Fingerprint], plan: Plan, ids: list[str]
) -> tuple[dict[str, Verdict], Outcome]:
    """The verdicts by target, and how the steps ended that came to them."""
    steps: dict[str, Step] = {
        (key := StepId.of("verify", item)): Step(
            id=key, kind="verify", target=item, needs=(), action="verify", reason=""
        )
        for item in ids
    }
    verdicts: dict[str, Verdict] = {}
    with _elsewhere(app) as scratch:

        def make(listen: Listener) -> Any:
            def verify(step: Step) -> Result:
                with _elsewhere(app) as other:
                    work = other.work(lock, prints, plan, listen)
                    store = other.store_of(step.id, listen)
                    builds = other.build_actions(work, store)
                    verdict = Verification(
                        context=work, build_actions=builds, store=store, engine_of=_engine_of(app)
                    )
                    found = verdicts[step.target] = verdict.verdict(step)
                if found.status == "different":
                    raise DifferenceError(f"{step.target} is not what the registry has")
                return Result(step=step.id, status="done", reason=found.status)

            return verify

        return verdicts, perform(scratch, plan, steps, make)


def _engine_of(app: App) -> Callable[[Mapping[str, Any]], str]:
    """Return what names the engine that built an image; that of this run is asked first."""
    return partial(engine_of, name=app.options.engine, catalog=app.workspace.root)


@contextlib.contextmanager
def _elsewhere(app: App) -> Iterator[App]:
    """The same on the same files; what it keeps is in a new folder, of which logs are left."""
    above = app.workspace.state.verifications
    above.mkdir(parents=True, exist_ok=True)
    state = Path(tempfile.mkdtemp(dir=above))
    other = App(app.options)
    other.workspace = Workspace(app.workspace.root, state)
    other.project, other.runner = app.project, app.runner
    other.stopping = app.stopping
    try:
        yield other
    finally:
        discard(other.workspace.state, app.options.engine, catalog=app.workspace.root)
