"""The run loop: carries out the steps of a plan, and collects how they end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from builder.app.adapters import Adapters
from builder.app.estimates import Estimates, look_ahead
from builder.app.planning import Planned
from builder.build.adoption import Adoption, is_tested, left_to_writer
from builder.build.disk import DiskUse, Measure, Watch
from builder.build.events import Event, Finished, Listener, Result
from builder.build.executor import GATHERS, Executor, Policy, tee
from builder.build.handed_over import Handed
from builder.build.handover import HandoverStore, folder_of, handing_over
from builder.build.image_steps import Action
from builder.build.run_context import RunContext
from builder.build.step_meter import StepMeter, metered
from builder.charts.repository.publish import Released, publish_index
from builder.common import control_group
from builder.common.errors import BuilderError, SelectionError, StepError
from builder.common.text import did_you_mean
from builder.lock.optional import done_without
from builder.plan.models import Plan, Step, unmet
from builder.plan.step_id import StepId
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record
from builder.release.promote import Promotion, blocked_steps


@dataclass(frozen=True, kw_only=True)
class Run:
    """A plan and how its steps ended, `jobs` at once. `seconds` is wall time."""

    planned: Planned
    results: Mapping[str, Result]
    seconds: float
    jobs: int = 1
    disk: DiskUse | None = None
    reachable: bool = False

    @property
    def plan(self) -> Plan:
        """Return the plan that was carried out."""
        return self.planned.plan

    @property
    def exit_code(self) -> int:
        """Return that of the first failure, or 0.

        What the plan blocked counts as failed, unless `reachable`; but no optional input does.
        """
        failed = [result for result in self.results.values() if result.status == "failed"]
        spared = done_without(self.planned.project.declared, self.plan.targets)
        blocked = [
            result
            for result in self.results.values()
            if result.status == "blocked"
            and self.plan.steps[result.step].action == "block"
            and StepId(result.step).target not in spared
        ]
        failed += [] if self.reachable else blocked
        return failed[0].exit_code if failed else 0


class Interrupted(BuilderError):
    """Somebody asked the run to stop, for a `reason`, e.g. SIGINT; `run` is how far it came."""

    exit_code = 130

    def __init__(self, reason: str, run: Run) -> None:
        hint = "the next run resumes here, and reuses every image that passed"
        super().__init__(f"stopped by {reason}", hint=hint)
        self.reason = reason
        self.run = run


class Watcher(Protocol):
    """Looks on while steps are carried out."""

    def __call__(
        self, steps: Mapping[str, Step], stop: Callable[[str], None], /
    ) -> AbstractContextManager[Listener]:
        """Return what lasts as long as the steps, and the listener that is told of their events.

        `stop` ends them, for a reason in a few words: a signal handler may call it.
        """


@contextlib.contextmanager
def unwatched(_steps: Mapping[str, Step], _stop: Callable[[str], None]) -> Iterator[Listener]:
    """Watch nothing."""
    yield ignore


def ignore(_event: Event) -> None:
    """Take no notice of an event."""


class RunLoop:
    """Carries out steps with the adapters of an app."""

    def __init__(self, adapters: Adapters, watcher: Watcher = unwatched) -> None:
        self._adapters = adapters
        self._watcher = watcher
        self._executor: Executor | None = None
        self._reason = ""
        self._watch_of_one: Watch | None = None  # of a run of one step

    def stop(self, reason: str) -> None:
        """End what runs, and start nothing more: the run then raises Interrupted.

        It may be called from any thread and from a signal handler.
        """
        self._reason = self._reason or reason
        if self._executor is not None:
            self._executor.interrupt()
        self._adapters.runner.stop()

    def context(self, planned: Planned, listen: Listener = ignore) -> RunContext:
        """Return what the steps of a plan are carried out on."""
        return RunContext(
            project=planned.project,
            lock=planned.lock,
            fingerprints=planned.fingerprints,
            plan=planned.plan,
            state=self._adapters.setup.state,
            listen=listen,
            timeout=self._adapters.setup.options.timeout,
            takes_chroot=self._adapters.setup.options.takes_chroot,
            trust=self._adapters.trust,
        )

    def carry_out(
        self,
        planned: Planned,
        steps: Mapping[str, Step],
        *,
        earlier: Mapping[str, Result] | None = None,
        listen: Listener = ignore,
    ) -> Run:
        """Carry out some steps of a plan; `earlier` are the results of others.

        Raises ConfigError where a target does not fit in the disk budget, and Interrupted.
        """
        ended = dict(earlier or {})

        def make(listen: Listener) -> Action:
            context = self.context(planned, listen)

            def act(step: Step) -> Result:
                if step.kind not in GATHERS and (
                    need := unmet(step, planned.plan, done_first=steps)
                ):
                    raise StepError(f"{need} is not done, and {step.id} needs it")
                return self._action(context, step, ended)(step)

            return act

        estimates = look_ahead(self._adapters, planned, ended)
        return self.perform(planned, steps, make, ended=ended, estimates=estimates, listen=listen)

    def perform(
        self,
        planned: Planned,
        steps: Mapping[str, Step],
        make: Callable[[Listener], Action],
        *,
        ended: dict[str, Result] | None = None,
        estimates: Estimates | None = None,
        disk: Measure | None = None,
        listen: Listener = ignore,
    ) -> Run:
        """Carry out steps with the action that `make` gives. Raises Interrupted.

        Results appear in `ended` as they come. The estimates decides what starts, and when. `disk`
        is measured meanwhile; without one it is that of the app.
        """
        started = time.monotonic()
        results = {} if ended is None else ended

        def collect(event: Event) -> None:
            if isinstance(event, Finished):
                results[event.result.step] = event.result

        with self._watcher(steps, self.stop) as show:
            listener = tee(collect, show, listen)
            watch = Watch(estimates.disk if estimates else disk or self._adapters.disk)
            self._watch_of_one = watch if len(steps) == 1 else None
            with watch:
                final = self._make_executor(make(listener), listener, estimates).run(steps)
        run = Run(
            planned=planned,
            results=final,
            seconds=time.monotonic() - started,
            jobs=self._adapters.setup.options.jobs,
            disk=self._disk(watch, estimates),
            reachable=self._adapters.setup.options.reachable,
        )
        if self._reason:
            raise Interrupted(self._reason, run)
        return run

    def _make_executor(
        self, action: Action, listen: Listener, estimates: Estimates | None
    ) -> Executor:
        options = self._adapters.setup.options
        self._executor = Executor(
            perform=action,
            listen=listen,
            policy=Policy(
                jobs=options.jobs, delay=options.retry_delay, fail_fast=options.fail_fast
            ),
            urgency=estimates.urgency if estimates else None,
            admission=estimates.admission if estimates else None,
            stopped=self._adapters.setup.stopping,
        )
        if self._reason:  # it was stopped before it began
            self._executor.interrupt()
        return self._executor

    def _disk(self, watch: Watch, estimates: Estimates | None) -> DiskUse:
        return DiskUse(
            peak=watch.peak,
            least_free=watch.least_free,
            budget=self._adapters.setup.options.disk_budget,
            dropped=tuple(estimates.admission.dropped) if estimates else (),
        )

    def _action(self, context: RunContext, step: Step, ended: Mapping[str, Result]) -> Action:
        """Return what a step does; adapters are made when the first step needs them."""
        options = self._adapters.setup.options
        handed = folder = None
        is_copied = step.action == "adopt" and not is_tested(step, context.plan)
        if is_copied and options.hand_over_to is not None:
            return left_to_writer
        if options.handed_over_in is not None and not is_copied:
            handed = Handed.of(options.handed_over_in, context, step, options.run)
        if options.hand_over_to is not None:
            folder = folder_of(options.hand_over_to, step.id)
        store = self._adapters.store_of(step.id, context.listen, handed=handed, folder=folder)
        meter = self._meter(handed)
        act = metered(
            self._action_on(store, replace(context, use=meter.use), step, ended, handed), meter
        )
        return handing_over(act, context, folder, options.run) if folder else act

    def _meter(self, handed: Handed | None) -> StepMeter:
        """Return what measures a step; nothing of one that was carried out elsewhere."""
        return StepMeter(
            runner=self._adapters.runner,
            groups=None if handed else control_group.of_this_process(),
            watch=None if handed else self._watch_of_one,
        )

    def _action_on(
        self,
        store: Registry,
        context: RunContext,
        step: Step,
        ended: Mapping[str, Result],
        handed: Handed | None,
    ) -> Action:
        """Return what a step does, with the registry `store`."""

        def release(step: Step) -> Result:
            blocked = blocked_steps(context.plan, ended)
            result, record = Promotion(context=context, store=store).release(step, blocked)
            write_chart_index(self._adapters, record)
            return result

        if step.kind == "release":
            return release
        if step.kind == "chart":
            return self._adapters.chart_actions(context, store, handed).chart
        if step.action == "adopt":
            tests = is_tested(step, context.plan)
            actions = self._adapters.build_actions(context, store, handed) if tests else None
            test_again = actions.test_adopted if actions else None
            hands_over = isinstance(store, HandoverStore)
            return Adoption(
                context=context, store=store, test_again=test_again, hands_over=hands_over
            ).adopt
        actions = self._adapters.build_actions(context, store, handed)
        return actions.base if step.kind == "base" else actions.target


def steps_of(plan: Plan, kinds: Collection[str], only: Collection[str] = ()) -> dict[str, Step]:
    """Return the steps of these kinds, and those with the ids `only`, by id.

    Raises SelectionError for an id that the plan does not have.
    """
    for name in only:
        if name not in plan.steps:
            hint = did_you_mean(name, plan.steps)
            raise SelectionError(f"the plan has no step {name!r}", hint=hint)
    return {step.id: step for step in plan.steps.values() if step.kind in kinds or step.id in only}


def with_release(run: Run, release: Run) -> Run:
    """Return a run together with the release that was made of it, as one."""
    disk = release.disk
    if run.disk is not None and disk is not None:
        disk = replace(
            disk,
            peak=max(run.disk.peak, disk.peak),
            least_free=min(run.disk.least_free, disk.least_free),
            dropped=(*run.disk.dropped, *disk.dropped),
        )
    return replace(
        release,
        results={**run.results, **release.results},
        seconds=run.seconds + release.seconds,
        disk=disk,
    )


def write_chart_index(
    adapters: Adapters, record: Record, keeps: Collection[str] | None = None
) -> None:
    """Write the chart repository from the current release record.

    `keeps`: see publish_index.
    """
    matrix = adapters.catalog.matrix
    released = Released(record=record, matrix=matrix, store=adapters.store)
    publish_index(released, adapters.setup.state.chart_repository, keeps=keeps)
