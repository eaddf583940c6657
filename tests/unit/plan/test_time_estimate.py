"""Which step comes first, what is known of how long each takes, and what a run is measured by."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from builder.build.events import Result
from builder.build.executor import Executor, Policy
from builder.plan import time_estimate
from builder.plan.models import Plan, Step
from builder.registry.release_record import Record
from builder.report.run_stats import measure_pace
from tests.fakes.catalog import LOCK, Week
from tests.unit.build.test_executor import done, steps

BASE, SPEECH, DESK = "base/os=1", "speech/os=1,lang=1.9", "desk/os=1,lang=1.9"

# Short ones first in the plan, as a catalog has them; the long chain stands at its end.
LATE = steps("s1", "s2", "s3", "s4", "s5", "s6", "long", "then: long", "last: then")
TOOK = {**{f"s{n}": 2.0 for n in range(1, 7)}, "long": 3.0, "then": 4.0, "last": 5.0}


def started(plan: dict[str, Step], urgency: dict[str, float] | None, jobs: int = 1) -> list[str]:
    order: list[str] = []
    guard = threading.Lock()

    def perform(step: Step) -> Result:
        with guard:
            order.append(step.id)
        return done(step)

    executor = Executor(
        perform=perform, listen=lambda _: None, policy=Policy(jobs=jobs), urgency=urgency
    )
    executor.run(plan)
    return order


def test_what_is_left_after_a_step_is_its_longest_path() -> None:
    plan = steps("a", "b: a", "c: a", "d: b c")
    took = {"a": 1.0, "b": 5.0, "c": 2.0, "d": 1.0}
    assert time_estimate.remaining(plan, took) == {"a": 7.0, "b": 6.0, "c": 3.0, "d": 1.0}


def test_a_need_outside_of_the_steps_is_no_matter() -> None:
    assert time_estimate.remaining(steps("b: a"), {"b": 2.0}) == {"b": 2.0}


def test_the_longest_chain_goes_first() -> None:
    order = started(LATE, time_estimate.remaining(LATE, TOOK))
    assert order[:3] == ["long", "then", "last"]
    assert started(LATE, None)[:3] == ["s1", "s2", "s3"]


def test_steps_of_the_same_urgency_keep_their_order() -> None:
    plan = steps("c", "a", "b")
    assert started(plan, {"a": 1.0, "b": 1.0, "c": 1.0}) == ["c", "a", "b"]


def guess_of(week: Week, plan: Plan, record: Record | None = None) -> dict[str, float]:
    project = week.folder.load()
    targets = project.expansion.targets.values()
    return time_estimate.seconds(plan, time_estimate.added(project.catalog, targets, LOCK, record))


def test_what_the_release_says_comes_before_an_estimate(week: Week) -> None:
    plan = week.plan()
    guess = guess_of(week, plan)
    assert guess[f"build:{BASE}"] == 15 + 0.25 * 60
    assert guess[f"build:{SPEECH}"] == 2 * 15 + 0.25 * 60
    assert guess["base:os=1@linux/amd64"] == 10
    week.go_by()
    record = week.observed().record
    assert record is not None
    targets = {**record.targets, DESK: replace(record.targets[DESK], seconds=7.0)}
    week.folder.edit("images/desk/recipe.yaml", "[desk]", "[desk, lamp]")
    plan = week.plan(record=replace(record, targets=targets))
    known = guess_of(week, plan)
    assert known[f"build:{DESK}"] == 7.0
    assert known[f"build:{BASE}"] == 0.0  # it is reused
    assert known["release"] == 5.0


def test_an_estimate_follows_the_budget(week: Week) -> None:
    week.folder.edit("images/base/recipe.yaml", "summary:", "budget: 100 MB\nsummary:")
    guess = guess_of(week, week.plan())
    assert guess[f"build:{BASE}"] == 15 + 0.25 * 100


def ended(**seconds: float) -> dict[str, Result]:
    return {key: Result(step=key, status="done", seconds=took) for key, took in seconds.items()}


@pytest.mark.parametrize(
    ("jobs", "ideal", "ratio"),
    [(1, 15.0, 2.0), (2, 12.0, 2.5), (4, 12.0, 2.5)],
)
def test_the_ideal_is_the_longest_path_or_the_work_shared(
    jobs: int, ideal: float, ratio: float
) -> None:
    plan = steps("a", "b: a", "c: b", "x")
    found = measure_pace(plan, ended(a=3.0, b=4.0, c=5.0, x=3.0), wall=30.0, jobs=jobs)
    assert (found.critical, found.total, found.path) == (12.0, 15.0, ("a", "b", "c"))
    assert (found.ideal, found.ratio) == (ideal, ratio)


def test_a_run_that_did_nothing_has_no_ratio() -> None:
    assert measure_pace({}, {}, wall=1.0, jobs=2).ratio == 0
