"""The ready queue: order, failures, retries, stopping."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import pytest

from builder.build.events import Event, Finished, Noted, Result, Retried, Started
from builder.build.executor import Executor, Policy, tee
from builder.common.errors import ConfigError, SmokeError, StepError, TransientError
from builder.plan.models import Step

PATIENCE = 10


def steps(*lines: str) -> dict[str, Step]:
    """Steps out of `c: a b`, the kind of `release` being its own."""
    found = {}
    for line in lines:
        name, _, needs = line.partition(":")
        kind = "release" if name == "release" else "build"
        found[name] = Step(
            id=name, kind=kind, target=name, needs=tuple(needs.split()), action="", reason=""
        )
    return found


def done(step: Step) -> Result:
    return Result(step=step.id, status="done")


class Scripted:
    """Performs by a table of what each step raises, one after another; then it is done."""

    def __init__(self, faults: Mapping[str, list[BaseException]] | None = None) -> None:
        self.faults = {key: list(items) for key, items in (faults or {}).items()}
        self.performed: list[str] = []

    def __call__(self, step: Step) -> Result:
        self.performed.append(step.id)
        if self.faults.get(step.id):
            raise self.faults[step.id].pop(0)
        return done(step)


def run(
    plan: Mapping[str, Step],
    perform: Callable[[Step], Result],
    events: list[Event] | None = None,
    **policy: object,
) -> dict[str, Result]:
    listen = (lambda _event: None) if events is None else events.append
    options = {"jobs": 1, "delay": 0.0, **policy}
    executor = Executor(perform=perform, listen=listen, policy=Policy(**options))  # type: ignore[arg-type]
    return executor.run(plan)


def statuses(results: Mapping[str, Result]) -> dict[str, str]:
    return {key: result.status for key, result in results.items()}


CHAIN = steps("a", "b: a", "c: b", "x", "y: x", "release: c y")


def test_one_job_goes_in_the_order_of_the_plan() -> None:
    perform = Scripted()
    results = run(steps("b", "a", "c: a b", "d: b"), perform)
    assert perform.performed == ["b", "a", "d", "c"]
    assert list(results) == ["b", "a", "c", "d"]


def test_nothing_starts_before_what_it_needs_has_ended() -> None:
    ended: set[str] = set()
    plan = steps(*(f"{n}: {' '.join(str(m) for m in range(n) if n % (m + 2) == 0)}"
                   for n in range(60)))  # fmt: skip

    def perform(step: Step) -> Result:
        assert ended.issuperset(step.needs)
        ended.add(step.id)
        return done(step)

    assert set(statuses(run(plan, perform, jobs=8)).values()) == {"done"}


def test_as_many_at_once_as_there_are_jobs() -> None:
    together = threading.Barrier(4)

    def perform(step: Step) -> Result:
        together.wait(PATIENCE)  # breaks where fewer than four run at once
        return done(step)

    results = run(steps("a", "b", "c", "d"), perform, jobs=4)
    assert set(statuses(results).values()) == {"done"}


def test_and_no_more() -> None:
    guard, now, most = threading.Lock(), [0], [0]

    def perform(step: Step) -> Result:
        with guard:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.001)
        with guard:
            now[0] -= 1
        return done(step)

    run(steps(*map(str, range(30))), perform, jobs=3)
    assert most[0] <= 3


def test_needs_that_are_not_in_the_plan_are_taken_for_granted() -> None:
    assert statuses(run(steps("b: elsewhere"), Scripted())) == {"b": "done"}


def test_a_failure_blocks_its_descendants_and_nothing_else() -> None:
    perform = Scripted({"a": [StepError("it broke")]})
    results = run(CHAIN, perform)
    assert statuses(results) == {
        "a": "failed", "b": "blocked", "c": "blocked", "x": "done", "y": "done", "release": "done",
    }  # fmt: skip
    assert perform.performed == ["a", "x", "y", "release"]
    assert results["a"].reason == "it broke"
    assert results["b"].reason == "a failed"
    assert results["c"].reason == "a failed"  # the ancestor, not the parent


def test_an_exit_code_is_that_of_the_error() -> None:
    perform = Scripted({"a": [SmokeError("no")], "x": [ConfigError("no")]})
    results = run(CHAIN, perform)
    assert [results[step].exit_code for step in ("a", "b", "x")] == [6, 6, 2]


def test_what_needs_something_retired_is_blocked() -> None:
    def perform(step: Step) -> Result:
        return Result(step=step.id, status="retired" if step.id == "a" else "done")

    results = run(steps("a", "b: a"), perform)
    assert (results["b"].status, results["b"].reason) == ("blocked", "a retired")


def test_a_release_waits_for_all_and_gathers_what_passed() -> None:
    seen: list[str] = []
    perform = Scripted({"c": [StepError("it broke")]})

    def watch(step: Step) -> Result:
        result = perform(step)
        seen.append(step.id)
        return result

    results = run(CHAIN, watch, jobs=4)
    assert results["release"].status == "done"
    assert seen[-1] == "release"
    assert set(seen) == {"a", "b", "x", "y", "release"}


def test_a_transient_failure_is_tried_again_later_each_time() -> None:
    events: list[Event] = []
    perform = Scripted({"a": [TransientError("502"), TransientError("503")]})
    results = run(steps("a"), perform, events, delay=0.001, attempts=3)
    assert results["a"].status == "done"
    assert perform.performed == ["a", "a", "a"]
    assert [item for item in events if isinstance(item, Retried)] == [
        Retried(step="a", attempt=1, delay=0.001, reason="502"),
        Retried(step="a", attempt=2, delay=0.003, reason="503"),
    ]


def test_not_before_it_was_told_to() -> None:
    events: list[Event] = []
    perform = Scripted({"a": [TransientError("429", after=0.01), TransientError("429")]})
    run(steps("a"), perform, events, delay=0.001, attempts=3)
    assert [item.delay for item in events if isinstance(item, Retried)] == [0.01, 0.003]


def test_but_not_for_ever() -> None:
    perform = Scripted({"a": [TransientError(str(number)) for number in range(9)]})
    results = run(steps("a", "b: a"), perform, attempts=3)
    assert perform.performed == ["a", "a", "a"]
    assert (results["a"].status, results["a"].reason) == ("failed", "2")
    assert results["b"].status == "blocked"


@pytest.mark.parametrize("error", [StepError("no"), SmokeError("no"), ValueError("no")])
def test_other_failures_are_not_tried_again(error: Exception) -> None:
    perform = Scripted({"a": [error]})
    assert run(steps("a"), perform)["a"].status == "failed"
    assert perform.performed == ["a"]


def test_fail_fast_starts_nothing_more() -> None:
    perform = Scripted({"b": [StepError("no")]})
    results = run(steps("a", "b", "c: a", "d: c"), perform, fail_fast=True)
    assert perform.performed == ["a", "b"]
    assert statuses(results) == {"a": "done", "b": "failed", "c": "skipped", "d": "skipped"}
    assert results["d"].reason == "stopped before it began"


def test_without_it_the_others_go_on() -> None:
    perform = Scripted({"b": [StepError("no")]})
    run(steps("a", "b", "c: a", "d: c"), perform)
    assert perform.performed == ["a", "b", "c", "d"]


def test_stop_lets_what_runs_end_and_starts_nothing_more() -> None:
    performed: list[str] = []
    queued = threading.Event()

    def perform(step: Step) -> Result:
        performed.append(step.id)
        queued.wait(0.05)  # `x` waits for the one worker by now
        executor.stop()
        return done(step)

    executor = Executor(perform=perform, listen=lambda _event: None, policy=Policy(jobs=1))
    results = executor.run(CHAIN)
    assert statuses(results) == {
        "a": "done", "b": "skipped", "c": "skipped", "x": "skipped", "y": "skipped",
        "release": "skipped",
    }  # fmt: skip
    assert performed == ["a"]


def test_stop_ends_the_wait_for_another_try() -> None:
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, Retried):
            executor.stop()

    perform = Scripted({"a": [TransientError("502")]})
    executor = Executor(perform=perform, listen=listen, policy=Policy(jobs=1, delay=3600))
    results = executor.run(steps("a"))
    assert results["a"].status == "failed"
    assert perform.performed == ["a"]


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), RuntimeError("odd")])
def test_an_unexpected_exception_ends_its_step_only(error: Exception) -> None:
    results = run(CHAIN, Scripted({"b": [error]}))
    assert results["b"].reason == f"{type(error).__name__}: {error}"
    assert results["b"].exit_code == 1
    assert statuses(results) == {
        "a": "done", "b": "failed", "c": "blocked", "x": "done", "y": "done", "release": "done",
    }  # fmt: skip


def test_what_fails_as_the_run_is_ended_was_stopped() -> None:
    def perform(step: Step) -> Result:
        if step.id == "b":
            executor.interrupt()
            raise StepError("it was killed")
        return done(step)

    executor = Executor(perform=perform, listen=lambda _event: None, policy=Policy(jobs=1))
    results = executor.run(CHAIN)
    assert statuses(results) == {
        "a": "done", "b": "stopped", "c": "skipped", "x": "done", "y": "skipped",
        "release": "skipped",
    }  # fmt: skip
    assert (results["b"].reason, results["b"].exit_code) == ("the next run goes on from here", 130)


def test_what_the_machine_refuses_is_a_failure_with_its_place() -> None:
    error = OSError(28, "No space left on device", "/disk/file")
    results = run(CHAIN, Scripted({"b": [error]}))
    assert results["b"].exit_code == 5
    assert results["b"].reason == (
        "/disk/file: No space left on device\n  hint: free disk space, and run the command again"
    )


def test_even_the_end_of_a_thread_is_a_result() -> None:
    results = run(steps("a", "b"), Scripted({"a": [SystemExit(3)]}))
    assert (results["a"].status, results["a"].exit_code) == ("failed", 130)
    assert results["b"].status == "done"


def test_events_tell_all_that_happened() -> None:
    events: list[Event] = []
    run(steps("a", "b: a"), Scripted(), events)
    kinds = [
        (type(event).__name__, event.result.step if isinstance(event, Finished) else event.step)
        for event in events
    ]
    assert kinds == [("Started", "a"), ("Finished", "a"), ("Started", "b"), ("Finished", "b")]


def test_seconds_are_measured() -> None:
    def perform(step: Step) -> Result:
        threading.Event().wait(0.02)
        return done(step)

    assert 0.02 <= run(steps("a"), perform)["a"].seconds < 5


def test_nothing_to_do() -> None:
    assert run({}, Scripted()) == {}


def test_tee_tells_everyone_in_order() -> None:
    first: list[Event] = []
    second: list[Event] = []
    listen = tee(first.append, second.append)
    for event in (Started(step="a"), Noted(step="a", text="x")):
        listen(event)
    assert first == second == [Started(step="a"), Noted(step="a", text="x")]
