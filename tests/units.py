"""Which tests one process runs one after another, and which begin first: `--dist loadfile`.

A file is a unit. Files that share what takes long to make are one unit, so that it is made once.
The longest units begin first, so that none of them is alone at the end.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[1]
INTEGRATION = "tests/integration"
SHARED = {
    "starter": (  # four minutes of `builder weekly`
        f"{INTEGRATION}/weekly/test_starter.py",
        f"{INTEGRATION}/weekly/test_custom_image.py",
        f"{INTEGRATION}/weekly/test_wired.py",
        f"{INTEGRATION}/session/test_containers.py",
        f"{INTEGRATION}/session/test_hooks.py",
        f"{INTEGRATION}/session/test_network.py",
        f"{INTEGRATION}/session/test_volumes.py",
    ),
    "faults": (f"{INTEGRATION}/faults/test_*.py",),  # a catalog that is locked, built and released
    "publish": (f"{INTEGRATION}/publish/test_*.py",),  # the first week of a shop
}
"""The patterns of files by the name of their unit."""

LONGEST = (
    "starter",
    "faults",
    f"{INTEGRATION}/cli/test_runs.py",
    f"{INTEGRATION}/chart/test_drop_in.py",
    f"{INTEGRATION}/weekly/test_two_weeks.py",
    f"{INTEGRATION}/cli/test_workers.py",
    f"{INTEGRATION}/engine/test_contract.py",
    f"{INTEGRATION}/engine/test_kube_play.py",
    f"{INTEGRATION}/chart/test_charts.py",
    f"{INTEGRATION}/chart/test_kubernetes.py",
    f"{INTEGRATION}/cli/test_added_engine.py",
    f"{INTEGRATION}/cli/test_wheel.py",
    f"{INTEGRATION}/cli/test_verify.py",
    f"{INTEGRATION}/store/test_prune.py",
    "publish",
)
"""The units that take more than half a minute, the longest first."""


def unit_of(path: str) -> str:
    """Return the name of the unit of a file, which is named from the root."""
    for name, patterns in SHARED.items():
        if any(PurePosixPath(path).match(pattern) for pattern in patterns):
            return name
    return path


def place_of(unit: str) -> int:
    """Return the place of a unit among those that begin first; the rest has the last."""
    return LONGEST.index(unit) if unit in LONGEST else len(LONGEST)


class UnitScheduling(LoadFileScheduling):
    """Gives each process a unit at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)  # there is none without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> UnitScheduling | None:
    """Have `--dist loadfile` deal out units."""
    return UnitScheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of several processes in order."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: place_of(unit_of(item.path.relative_to(ROOT).as_posix())))
