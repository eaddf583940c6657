"""The run as a whole, in the report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from builder.build.disk import DiskUse
from builder.build.events import Result
from builder.report import run_stats
from builder.report.document import Pace
from tests.unit.build.test_executor import steps


def test_the_pace_is_the_wall_time_against_the_best() -> None:
    plan = steps("a", "b: a", "x")
    took = {"a": 30.0, "b": 40.0, "x": 50.0}
    results = {key: Result(step=key, status="done", seconds=took[key]) for key in plan}
    data = run_stats.pace(plan, results, 77.04, 2)
    assert data == Pace(
        wall=77.0, critical_path=70.0, sum=120.0, jobs=2, ratio=1.101, path=("a", "b")
    )
    assert run_stats.pace_lines(data) == (
        "Took 77 s. It cannot be faster than 70 s, the longest chain of steps.",
        "The longest chain: `a`, `b`.",
        "",
    )


def test_many_steps_are_bound_by_how_many_run_at_once() -> None:
    plan = steps("a", "b", "c")
    results = {key: Result(step=key, status="done", seconds=40.0) for key in plan}
    lines = run_stats.pace_lines(run_stats.pace(plan, results, 61.0, 2))
    assert lines[0] == "Took 61 s. It cannot be faster than 60 s, with 2 steps at once."


def test_nothing_is_said_of_a_run_that_did_nothing() -> None:
    assert run_stats.pace_lines(run_stats.pace({}, {}, 1.0, 2)) == ()
    assert run_stats.disk_lines(None) == ()


def test_the_disk() -> None:
    use = DiskUse(peak=9_440_000_000, least_free=60_000_000_000, budget=0, dropped=())
    assert run_stats.disk_lines(use)[0] == (
        "This run needed 9.4 GB of disk; 60 GB were free at the tightest moment."
    )
    use = replace(use, budget=14_000_000_000, dropped=("a", "b"))
    assert run_stats.disk_lines(use)[0] == (
        "This run needed 9.4 GB of disk, of a budget of 14 GB; 60 GB were free at the tightest"
        " moment. 2 images made room."
    )


def test_the_measure_against_bake(tmp_path: Path) -> None:
    file = tmp_path / "bake.json"
    assert run_stats.read_bake(file) is None
    data = {"selection": ["-s", "base"], "builder": 125.0, "bake": 100.0, "ratio": 1.25}
    file.write_text(json.dumps(data))
    assert run_stats.bake_lines(run_stats.read_bake(file))[0] == (
        "Against docker buildx bake, from nothing, on -s base: builder 125 s with its tests and"
        " pushes, bake 100 s, ratio 1.25."
    )
    assert run_stats.bake_lines(None) == ()
