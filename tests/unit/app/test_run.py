"""The run loop: what it carries out, in which order, and how it ends."""

from __future__ import annotations

import signal
from functools import partial

import pytest

from builder.app.adapters import Adapters, Replaced
from builder.app.app import App
from builder.app.options import Options
from builder.app.run import Interrupted, Run
from builder.app.week import KINDS
from builder.build.events import Event, Finished, Retried, Started
from builder.common.errors import (
    ConfigError,
    ConflictError,
    SelectionError,
    StepError,
    TransientError,
)
from builder.common.filelock import run_lock
from builder.common.process import Command, Runner
from builder.plan.models import Plan
from tests.fakes.catalog import FakeDisk, Week
from tests.fakes.releases import record

BASE, SPEECH, DESK = "build:base/os=1", "build:speech/os=1,lang=1.9", "build:desk/os=1,lang=1.9"


def carry_out(week: Week, app: App, *kinds: str, plan: Plan | None = None) -> Run:
    planned = week.planned(plan or week.plan())
    return app.run(planned, kinds or KINDS, on_event=week.events.append)


def app_with(week: Week, replaced: Replaced, **options: object) -> App:
    """An app on the catalog of the week, in which some fakes are others."""
    fakes: Replaced = {**week.fakes, **replaced}
    given = Options(**{"jobs": 1, "retry_delay": 0.0, "today": "2026-11-23", **options})  # type: ignore[arg-type]
    return App(week.folder.load(), given, adapters=partial(Adapters, **fakes))


# What is carried out.


def test_what_a_run_takes_is_said_before_it_begins(week: Week) -> None:
    notes: list[str] = []
    given = Options(jobs=1, today="2026-11-23", disk_budget=10**12)
    fakes = partial(Adapters, **week.fakes)
    app = App(week.folder.load(), given, adapters=fakes, notify=notes.append)
    carry_out(week, app, "base", "build")
    assert notes[0] == "8 targets to build: about 0.1 h and 1.9 GB, within the budget of 1000.0 GB"


def test_a_step_whose_need_is_not_done_fails(week: Week) -> None:
    run = carry_out(week, week.app(), "build")
    result = run.results[BASE]
    assert (result.status, run.exit_code) == ("failed", 5)
    assert result.reason == f"base:os=1@linux/amd64 is not done, and {BASE} needs it"
    assert week.engine.requests == []


def test_a_step_that_the_plan_does_not_have(week: Week) -> None:
    with pytest.raises(SelectionError) as raised:
        week.app().run(week.planned(week.plan()), (), only=["build:base/os=3"])
    assert str(raised.value) == (
        "the plan has no step 'build:base/os=3'\n"
        "  hint: did you mean build:base/os=2 or build:base/os=1 or build:tool/os=2?"
    )


def test_only_some_steps(week: Week) -> None:
    run = week.app().run(week.planned(week.plan()), {"base"}, only=[BASE])
    assert [*run.results] == ["base:os=2@linux/amd64", "base:os=1@linux/amd64", BASE]
    assert {result.status for result in run.results.values()} == {"done"}


def test_what_more_waits_for_begins_first(week: Week) -> None:
    week.folder.edit("matrix.yaml", ", inputs: [tool]", "")
    week.folder.edit("images/desk/Dockerfile.j2", "COPY --from=tool /tool /tool", "")
    carry_out(week, week.app(), "base", "build")
    started = [event.step for event in week.events if isinstance(event, Started)]
    assert started.index(SPEECH) < started.index("build:tool/os=2")


# A release.


def test_a_release_writes_the_chart_repository(week: Week) -> None:
    app = week.app()
    run = carry_out(week, app)
    assert run.exit_code == 0
    index = app.state.chart_repository / "index.yaml"
    assert "desk-1.0.0.tgz" in index.read_text()


def test_what_did_not_pass_is_in_the_record(week: Week) -> None:
    week.smoke.rejects = {"speech/os=1,lang=1.9"}
    carry_out(week, week.app())
    blocked = record(week).blocked
    assert blocked[SPEECH] == "speech/os=1,lang=1.9: 1 of 2 tests failed"
    assert blocked[DESK] == f"{SPEECH} failed"


def test_a_run_is_released_later(week: Week) -> None:
    week.smoke.rejects = {"speech/os=1,lang=1.9"}
    app = week.app()
    run = app.run(week.planned(week.plan()))
    assert "release" not in run.results
    released = app.release(run)
    assert [*released.results] == [*run.plan.steps]
    assert released.results["release"].status == "done"
    assert released.exit_code == run.exit_code == 6
    assert record(week).blocked[DESK] == f"{SPEECH} failed"
    assert run.disk
    assert released.disk == run.disk


# How it ends.


def test_the_exit_code_is_that_of_the_first_failure(week: Week) -> None:
    week.smoke.rejects = {"base/os=1"}
    week.engine.fail("build", StepError("no room"), on="base-os2")
    run = carry_out(week, week.app(), "base", "build")
    failed = {key: it.exit_code for key, it in run.results.items() if it.status == "failed"}
    assert failed == {"build:base/os=2": 5, BASE: 6}
    assert run.exit_code == 5


def test_what_the_plan_blocked_counts_unless_it_cannot_be_reached(week: Week) -> None:
    week.platforms = ("linux/s390x",)
    planned = week.planned(week.plan())
    assert week.app().run(planned, {"build"}).exit_code == 5
    assert week.app(reachable=True).run(planned, {"build"}).exit_code == 0


def test_the_first_failure_may_end_it(week: Week) -> None:
    week.smoke.rejects = {"base/os=2"}
    run = carry_out(week, week.app(fail_fast=True))
    assert run.results[BASE].status == "skipped"
    assert run.results["release"].status == "skipped"


def test_images_are_dropped_where_the_disk_is_full(week: Week) -> None:
    class Full(FakeDisk):
        def free(self) -> int:
            return 1

    run = carry_out(week, app_with(week, {"disk_of": lambda _folder: Full()}))
    assert run.exit_code == 0
    assert run.disk
    assert run.disk.least_free == 1
    assert run.disk.dropped
    assert week.engine.called("drop")


def test_a_target_that_does_not_fit_in_the_budget_is_refused(week: Week) -> None:
    with pytest.raises(ConfigError):
        carry_out(week, week.app(disk_budget=1))
    assert week.store.writes == []


def test_a_busy_registry_is_asked_again_and_the_step_says_so(week: Week) -> None:
    week.store.fail("push", TransientError("busy"), on="shop-base")
    run = carry_out(week, week.app())
    assert run.exit_code == 0
    retries = [event for event in week.events if isinstance(event, Retried)]
    assert [(event.attempt, event.reason) for event in retries] == [(1, "busy")]


# Whose turn it is.


def test_a_run_has_the_state_for_itself(week: Week) -> None:
    app, refused = week.app(), list[ConflictError]()

    def listen(event: Event) -> None:
        if isinstance(event, Started) and not refused:
            with pytest.raises(ConflictError) as raised, run_lock(app.state):
                pass
            refused.append(raised.value)

    app.run(week.planned(week.plan()), {"base"}, on_event=listen)
    assert refused
    with run_lock(app.state):
        pass


def test_a_run_waits_for_no_other(week: Week) -> None:
    app = week.app()
    with run_lock(app.state), pytest.raises(ConflictError):
        carry_out(week, app)
    assert week.store.writes == []


def test_apps_that_work_beside_others_share_the_state(week: Week) -> None:
    first, second = week.app(), week.app()
    with first.working(beside=True), second.working(beside=True):
        run = second.run(week.planned(week.plan()), {"base"})
    assert run.exit_code == 0


# Stopping.


def test_a_run_leaves_signals_to_whoever_started_it(week: Week) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers, seen = [signal.getsignal(number) for number in numbers], list[object]()

    def listen(_event: Event) -> None:
        seen.append([signal.getsignal(number) for number in numbers])

    week.app().run(week.planned(week.plan()), {"base"}, on_event=listen)
    assert seen
    assert all(now == handlers for now in seen)


def test_a_run_that_is_stopped_ends_what_runs_and_starts_nothing_more(week: Week) -> None:
    runner = Runner()
    app = app_with(week, {"runner": runner})

    def listen(event: Event) -> None:
        week.events.append(event)
        if isinstance(event, Finished) and event.result.step == BASE:
            app.stop("a deadline")

    with pytest.raises(Interrupted) as raised:
        app.run(week.planned(week.plan()), KINDS, on_event=listen)
    assert str(raised.value) == (
        "stopped by a deadline\n"
        "  hint: the next run resumes here, and reuses every image that passed"
    )
    assert raised.value.exit_code == 130
    results = raised.value.run.results
    assert results[BASE].status == "done"
    assert results["release"].status == "skipped"
    with pytest.raises(StepError, match="interrupted"):
        runner.run(Command(argv=("true",)))


def test_a_step_that_is_ended_with_the_run_did_not_fail(week: Week) -> None:
    app = week.app()
    week.engine.fail("build", StepError("killed"), on="base-os2")

    def listen(event: Event) -> None:
        if isinstance(event, Started) and event.step == "build:base/os=2":
            app.stop("SIGTERM")

    with pytest.raises(Interrupted) as raised:
        app.run(week.planned(week.plan()), KINDS, on_event=listen)
    assert raised.value.run.results["build:base/os=2"].status == "stopped"


def test_an_app_that_was_stopped_carries_out_nothing(week: Week) -> None:
    app = week.app()
    app.stop("SIGINT")
    with pytest.raises(Interrupted) as raised:
        carry_out(week, app)
    assert {result.status for result in raised.value.run.results.values()} == {"skipped"}
    assert week.store.writes == []
