"""How work grows with a catalog, counted in calls, which do not depend on the machine."""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.build.events import Result
from builder.build.executor import Executor, Policy
from builder.common.process import Command, Runner
from builder.plan.models import Step
from tests.benchmarks import overlays, synthetic

ROOT = Path(__file__).parents[2]


def calls(work: Callable[[], object]) -> int:
    """How many functions are called."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def planning(**size: int) -> tuple[int, int]:
    """The targets of a plan, and the calls that it takes."""
    matrix = synthetic.matrix(**size)
    catalog = synthetic.catalog(matrix)
    count = len(synthetic.plan(matrix, catalog).targets)
    return count, calls(lambda: synthetic.plan_text(matrix, catalog))


def test_a_plan_grows_with_its_targets_and_no_faster() -> None:
    (few, small), (many, large) = planning(lines=2, tools=4), planning(lines=4, tools=8)
    assert many > 5 * few
    assert large / small < 1.2 * many / few


def test_three_catalogs_are_laid_together_in_a_few_thousand_calls() -> None:
    """What a key must be is looked up in a schema that is made once, however many are removed."""
    work = overlays.merging()
    work()
    assert calls(work) < 15_000


def test_two_processes_make_the_same_plan() -> None:
    script = (
        "import hashlib\nfrom tests.benchmarks import overlays, synthetic as s\n"
        "m = s.matrix(lines=2, tools=3)\n"
        "print(hashlib.sha256(s.plan_text(m, s.catalog(m)).encode()).hexdigest())\n"
    )
    outputs = {
        Runner().run(
            Command(
                argv=(sys.executable, "-c", script), cwd=ROOT,
                env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            )
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_the_scheduler_grows_with_its_steps_and_no_faster() -> None:
    def run(number: int) -> int:
        steps = {
            str(n): Step(
                id=str(n), kind="build", target="", action="", reason="",
                needs=(str(n // 10),) if n >= 10 else (),
            )
            for n in range(number)
        }  # fmt: skip
        executor = Executor(
            perform=lambda step: Result(step=step.id, status="done"),
            listen=lambda _: None,
            policy=Policy(jobs=1),
        )
        return calls(lambda: executor.run(steps))

    assert run(800) < 4.6 * run(200)


@pytest.mark.parametrize("argv", [["--help"], ["--version"]])
def test_the_command_starts_without_what_it_does_not_need(argv: list[str]) -> None:
    script = (
        "import json, sys\nfrom builder.cli import main as m\n"
        f"sys.argv[1:] = {argv!r}\n"
        "try:\n    m.main()\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    environment = {"PYTHONPATH": str(ROOT), "HOME": os.environ.get("HOME", "/")}
    output = Runner().run(Command(argv=(sys.executable, "-c", script), env=environment))
    loaded = set(json.loads(output.stdout.splitlines()[-1]))
    heavy = {"pydantic", "ruamel.yaml", "jinja2", "requests", "docker", "rich", "pytest"}
    assert not heavy & loaded
    assert "builder.plan" not in loaded
