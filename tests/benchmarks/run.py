"""Measures the planner, the scheduler, the start of the command and charts; `make bench`."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from builder.build.events import Result
from builder.build.executor import Executor, Policy
from builder.plan import time_estimate
from builder.plan.models import Step
from builder.report.run_stats import measure_pace
from tests.benchmarks import charts, overlays, synthetic

ROOT = Path(__file__).parents[2]

STEPS, JOBS, SECONDS = 1000, 8, 0.010


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of three runs, in seconds."""
    best = float("inf")
    for _ in range(3):
        start = clock()
        work()
        best = min(best, clock() - start)
    return best


def planning(size: dict[str, int]) -> tuple[int, float]:
    """The number of targets, and the seconds that their plan takes."""
    matrix = synthetic.matrix(**size)
    catalog = synthetic.catalog(matrix)
    count = len(synthetic.plan(matrix, catalog).targets)
    return count, timed(lambda: synthetic.plan_text(matrix, catalog))


def scheduling() -> float:
    """How much of the ideal the scheduler reaches on a wide graph, from 0 to 1."""

    def perform(step: Step) -> Result:
        time.sleep(SECONDS)
        return Result(step=step.id, status="done")

    steps = {}
    for number in range(STEPS):
        needs = (str(number // 10),) if number >= 10 else ()
        steps[str(number)] = Step(
            id=str(number), kind="build", target="", needs=needs, action="", reason=""
        )
    executor = Executor(perform=perform, listen=lambda _: None, policy=Policy(jobs=JOBS))
    start = time.perf_counter()
    executor.run(steps)
    return STEPS * SECONDS / JOBS / (time.perf_counter() - start)


def ordering() -> float:
    """Wall time against the best possible, where one long chain stands last in the plan."""
    chain = [f"chain{n}" for n in range(20)]
    needs = {f"short{n}": () for n in range(60)} | {chain[0]: ()}
    needs |= {later: (earlier,) for earlier, later in pairwise(chain)}
    steps = {
        key: Step(id=key, kind="build", target="", needs=found, action="build", reason="")
        for key, found in needs.items()
    }
    took = {key: 3 * SECONDS if key in chain else SECONDS for key in steps}

    def perform(step: Step) -> Result:
        time.sleep(took[step.id])
        return Result(step=step.id, status="done")

    executor = Executor(
        perform=perform,
        listen=lambda _: None,
        policy=Policy(jobs=2),
        urgency=time_estimate.remaining(steps, took),
    )
    start = time.perf_counter()
    results = executor.run(steps)
    wall = time.perf_counter() - start
    return measure_pace(steps, results, wall=wall, jobs=2).ratio


def starting() -> float:
    """The seconds that `builder --help` takes."""
    program = Path(sys.executable).with_name("builder")
    return timed(lambda: subprocess.run([program, "--help"], check=True, capture_output=True))


def memory() -> float:
    """The most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Print every figure beside what it should be; 1 where one is not."""
    figures: list[tuple[str, float, str, float, bool]] = []
    figures.append(("builder --help", starting(), "s", 0.25, False))
    figures.append((f"scheduler, {STEPS} steps at {JOBS} jobs", scheduling(), "", 0.9, True))
    figures.append(("a long chain at the end, wall ÷ ideal", ordering(), "", 1.15, False))
    for size, limit in ((synthetic.SMALL, 0.3), (synthetic.LARGE, 3.0)):
        count, seconds = planning(size)
        figures.append((f"plan of {count} targets", seconds, "s", limit, False))
    figures.append(("memory of that plan", memory(), "MB", 300, False))
    times = charts.measure()
    figures.append((f"{times.charts} charts, rendered to packaged", times.ours, "s", 20, False))
    figures.append((f"that ÷ a shell loop ({times.linter})", times.ratio, "", 1, False))
    ratio = overlays.ratio(lambda work: timed(work, time.process_time))
    figures.append(("plan of two lines on a catalog ÷ its own", ratio, "", 1.3, False))
    merging = timed(overlays.merging())
    figures.append(("the matrices of three catalogs laid together", merging, "s", 0.06, False))
    bad = 0
    for name, value, unit, limit, is_least in figures:
        is_met = value >= limit if is_least else value <= limit
        bad += not is_met
        sign = "≥" if is_least else "≤"
        print(f"{'ok ' if is_met else 'BAD'} {name}: {value:.3g} {unit} ({sign} {limit:g} {unit})")
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
