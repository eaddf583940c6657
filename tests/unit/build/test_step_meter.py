"""What a step needed, and when that is not known."""

from __future__ import annotations

import time
from pathlib import Path

from builder.build.disk import Watch
from builder.build.events import Result, StepUse
from builder.build.step_meter import StepMeter, metered
from builder.common.control_group import ControlGroups
from builder.common.process import Runner
from builder.plan.models import Step

STEP = Step(id="build:a", kind="build", target="a", needs=(), action="build", reason="new")


class Growing:
    """A disk that a step fills."""

    def __init__(self) -> None:
        self.bytes = 100

    def used(self) -> int:
        """Return what is used."""
        return self.bytes

    def free(self) -> int:
        """Return enough."""
        return 10**9


def groups(folder: Path, *, is_container: bool = False, is_v1: bool = True) -> ControlGroups:
    return ControlGroups(root=folder, own=folder, is_v1=is_v1, is_container=is_container)


def test_the_programs_of_a_step_run_in_a_group_that_ends_with_it(tmp_path: Path) -> None:
    runner = Runner()
    meter = StepMeter(runner=runner, groups=groups(tmp_path))
    with meter.measuring():
        group = runner.group
        assert group is not None
        assert group.folder.is_dir()
    assert runner.group is None
    assert not any(tmp_path.iterdir())
    assert meter.use() == StepUse()


def test_a_container_is_measured_for_a_step_that_is_alone(tmp_path: Path) -> None:
    (tmp_path / "memory.stat").write_text("anon 7\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    used = []
    for alone in (True, False):
        meter = StepMeter(
            runner=Runner(),
            groups=groups(tmp_path, is_container=True, is_v1=False),
            watch=Watch(Growing()) if alone else None,
        )
        with meter.measuring():
            time.sleep(0.25 if alone else 0)
        used.append(meter.use().memory)
    assert used == [7, None]


def test_the_disk_is_known_of_a_step_that_is_alone() -> None:
    disk = Growing()
    for alone, expected in ((True, 40), (False, None)):
        watch = Watch(disk)
        watch.measure()
        meter = StepMeter(runner=Runner(), groups=None, watch=watch if alone else None)

        def act(step: Step) -> Result:
            disk.bytes += 40
            return Result(step=step.id, status="done")

        assert metered(act, meter)(STEP).disk == expected


def test_what_was_only_reused_needed_nothing(tmp_path: Path) -> None:
    meter = StepMeter(runner=Runner(), groups=groups(tmp_path))
    reused = Result(step=STEP.id, status="reused")
    assert metered(lambda _: reused, meter)(STEP) is reused
