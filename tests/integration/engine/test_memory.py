"""The memory of a real build and of a real container is measured, by the kernel of this machine."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from builder.build.events import StepUse
from builder.build.step_meter import StepMeter
from builder.common import control_group
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.engines.interfaces import StartRequest
from builder.engines.table import choose
from tests.integration.engine.conftest import Bench

TAKE = "dd if=/dev/zero of=/dev/null bs=90M count=20"
TAKEN = 90 * 2**20


@pytest.mark.parametrize("bench", ["podman"], indirect=True)
def test_a_build_and_a_container_are_measured(bench: Bench, work: Path) -> None:
    runner = Runner()
    groups = control_group.of_this_process()
    made = groups.make() if groups else None
    if made is not None:
        control_group.remove(made.folder)
    engine = choose("podman", runner, StateDir(work))
    used, folders = [], []
    for dockerfile, command in ((f"FROM parent\nRUN {TAKE}\n", ""), ("FROM parent\n", TAKE)):
        meter = StepMeter(runner=runner, groups=groups)
        with meter.measuring():
            folders.append(runner.group.folder if runner.group else work / "none")
            built = engine.build(bench.request(dockerfile, name=f"memory{len(used)}"))
            if command:
                container = engine.start(
                    StartRequest(image=built.local, command=("sh", "-c", f"{command}; sleep 60"))
                )
                time.sleep(1)
                engine.remove(container)
        engine.drop(built.local)
        used.append(meter.use())
        assert "Failed to remove" not in (bench.folder / f"memory{len(used) - 1}.log").read_text()
    if made is None:
        assert used == [StepUse(), StepUse()]
    else:
        assert all(use.memory and TAKEN < use.memory < 4 * TAKEN for use in used)
        assert not any(folder.exists() for folder in folders)
