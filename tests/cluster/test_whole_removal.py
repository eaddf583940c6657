"""A cluster whose keeper is killed. This file is the last: the next test would find none."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.cluster.__main__ import down
from tests.cluster.client import Cluster
from tests.cluster.keeper import cgroups
from tests.cluster.place import BUILD


def running(text: str) -> list[str]:
    """The command lines of processes with a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and str(os.getpid()) not in path.parts:
            found.append(line)
    return found


def test_a_killed_keeper_leaves_nothing_after_down(cluster: Cluster) -> None:
    place = cluster.place
    programs = f"{place.programs}/kube"
    assert any("kubelet" in line for line in running(programs))
    os.kill(int((BUILD / "keeper.pid").read_text()), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while running(programs):
        assert time.monotonic() < deadline, running(programs)
        time.sleep(0.5)
    down(place)
    links = subprocess.run(["ip", "link"], capture_output=True, text=True, check=True).stdout
    assert place.name not in links
    assert [folder for folder in cgroups(place) if folder.exists()] == []
    assert not place.state.exists()
