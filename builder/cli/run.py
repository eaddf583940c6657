"""Carries out steps for the commands that do, and reports how it went."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import click

from builder.app.app import App
from builder.app.estimates import Estimates, disk_of, look_ahead
from builder.build.disk import DiskUse, Watch
from builder.build.events import Event, Finished, Listener, Result
from builder.build.executor import GATHERS, Executor, Policy, tee
from builder.build.image_steps import Action
from builder.build.patience import PatientStore
from builder.build.run_context import RunContext
from builder.charts.repository.publish import Released, publish_index
from builder.common.errors import BuilderError, SelectionError, StepError
from builder.common.text import did_you_mean
from builder.lock.lockfile import Lock
from builder.plan.models import Plan, Step, unmet
from builder.release.promote import Promotion, blocked_steps
from builder.report import weekly
from builder.report.progress import shown
from builder.report.release import ending


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A plan and how its steps ended, `jobs` at once. `seconds` is wall time."""

    plan: Plan
    results: Mapping[str, Result]
    seconds: float
    jobs: int = 1
    disk: DiskUse | None = None
    reachable: bool = False

    @property
    def exit_code(self) -> int:
        """That of the first failure, or 0. What the plan blocked counts, unless `reachable`."""
        failed = [item for item in self.results.values() if item.status == "failed"]
        blocked = [
            item
            for item in self.results.values()
            if item.status == "blocked" and self.plan.steps[item.step].action == "block"
        ]
        failed += [] if self.reachable else blocked
        return failed[0].exit_code if failed else 0


def carry_out(
    app: App, lock: Lock, kinds: Collection[str], *, only: Collection[str] = ()
) -> Outcome:
    """Plan, then do the steps of these kinds, and those with the ids `only`."""
    prints = app.fingerprints(lock)
    observed = app.observed(lock, prints, app.store_of_run)
    plan = app.plan(lock, prints, observed, app.engine.platforms)
    for name in only:
        if name not in plan.steps:
            hint = did_you_mean(name, plan.steps)
            raise SelectionError(f"the plan has no step {name!r}", hint=hint)
    steps = {step.id: step for step in plan.steps.values() if step.kind in kinds or step.id in only}
    if app.options.show_commands:
        for line in app.commands(app.work(lock, prints, plan, _ignore), steps):
            click.echo(line)
        return Outcome(plan=plan, results={}, seconds=0)
    ended: dict[str, Result] = {}

    def make(listen: Listener) -> Action:
        work = app.work(lock, prints, plan, listen)

        def act(step: Step) -> Result:
            if step.kind not in GATHERS and (need := unmet(step, plan, done_first=steps)):
                raise StepError(f"{need} is not done, and {step.id} needs it")
            return _action(app, work, step, ended)(step)

        return act

    outlook = look_ahead(app, lock, observed, plan, ended)
    return perform(app, plan, steps, make, ended, outlook)


def perform(
    app: App,
    plan: Plan,
    steps: Mapping[str, Step],
    make: Callable[[Listener], Action],
    ended: dict[str, Result] | None = None,
    outlook: Estimates | None = None,
) -> Outcome:
    """Carry out steps with the action that `make` gives; results appear in `ended` as they come.

    What `estimates` says decides what starts, and when.
    """
    started = time.monotonic()
    results = {} if ended is None else ended

    def collect(event: Event) -> None:
        if isinstance(event, Finished):
            results[event.result.step] = event.result

    with shown(steps, app.ci_system) as show:
        listen = tee(collect, show)
        executor = _executor(app, make(listen), listen, outlook)
        disk = outlook.disk if outlook else disk_of(app)
        with Watch(disk) as watch, _interruptible(executor, app) as caught:
            final = executor.run(steps)
    outcome = Outcome(
        plan=plan,
        results=final,
        seconds=time.monotonic() - started,
        jobs=app.options.jobs,
        disk=_disk(watch, app, outlook),
        reachable=app.options.reachable,
    )
    if caught:
        raise Interrupted(signal.Signals(caught[0]).name, outcome)
    return outcome


def _executor(app: App, action: Action, listen: Listener, outlook: Estimates | None) -> Executor:
    return Executor(
        perform=action,
        listen=listen,
        policy=Policy(jobs=app.options.jobs, fail_fast=app.options.fail_fast),
        urgency=outlook.urgency if outlook else None,
        admission=outlook.admission if outlook else None,
        stopped=app.stopping,
    )


def _disk(watch: Watch, app: App, outlook: Estimates | None) -> DiskUse:
    return DiskUse(
        peak=watch.peak,
        least_free=watch.least_free,
        budget=app.options.disk_budget,
        dropped=tuple(outlook.admission.dropped) if outlook else (),
    )


def _ignore(_event: Event) -> None:
    """A listener for when nothing happens."""


def _action(app: App, work: RunContext, step: Step, ended: Mapping[str, Result]) -> Action:
    """Return what a step does; adapters are made when the first step needs them."""
    store = app.store_of(step.id, work.listen)

    def release(step: Step) -> Result:
        return promote(app, work, step, blocked_steps(work.plan, ended), store)

    if step.kind == "release":
        return release
    if step.kind == "chart":
        return app.chart_actions(work, store).chart
    actions = app.build_actions(work, store)
    return actions.base if step.kind == "base" else actions.target


def promote(
    app: App, work: RunContext, step: Step, blocked: Mapping[str, str], store: PatientStore
) -> Result:
    """Release, then write the chart repository from the record that is current then."""
    result = Promotion(work=work, store=store).release(step, blocked)
    write_index(app)
    return result


def write_index(app: App, keeps: Collection[str] | None = None) -> None:
    """Write the chart repository from the record that is current; `keeps`: see publish_index."""
    record = app.records.current()
    if record is not None:
        folder = app.workspace.state.chart_repository
        released = Released(record=record, matrix=app.catalog.matrix, store=app.store)
        publish_index(released, folder, keeps=keeps)


@contextlib.contextmanager
def _interruptible(executor: Executor, app: App) -> Iterator[list[int]]:
    """Have Ctrl-C and SIGTERM end what runs and start nothing more; they are in what is given."""
    caught: list[int] = []

    def stop(number: int, _frame: object) -> None:
        caught.append(number)
        executor.interrupt()
        app.runner.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Interrupted(BuilderError):
    """A person or a machine asked the run to stop, by a signal; `outcome` is how far it came."""

    exit_code = 130

    def __init__(self, name: str, outcome: Outcome) -> None:
        hint = "the next run goes on from here, and builds nothing again that had passed"
        super().__init__(f"stopped by {name}", hint=hint)
        self.signal = name
        self.outcome = outcome


def tell_ending(outcome: Outcome, kind: str) -> None:
    """Print what came of the steps of a kind, after every failure; nothing where none was done."""
    tell_failures(outcome)
    results = [
        result for key, result in outcome.results.items() if outcome.plan.steps[key].kind == kind
    ]
    if results:
        release = weekly.release_row(outcome.plan, outcome.results)
        for text in ending(kind, results, release):
            click.echo(text)


def tell_failures(outcome: Outcome) -> None:
    """Print every failure in full, and how to try just that again."""
    for result in outcome.results.values():
        if result.status == "failed":
            click.echo(f"\n{result.step} failed: {result.reason}", err=True)
            click.echo(f"  retry just this: builder step '{result.step}'", err=True)
