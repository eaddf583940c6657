"""Control groups, on folders that look as the kernel's do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from builder.common import control_group
from builder.common.control_group import Group, MemoryMeter

V1 = "cache 900\nrss 1\ntotal_cache 900\ntotal_rss 30\ntotal_shmem 4\ntotal_inactive_file 800\n"
V2 = "anon 30\nfile 900\nshmem 4\nslab_unreclaimable 2\n"


def mount(place: Path, kind: str, *, top: str = "/", options: str = "rw") -> str:
    return f"30 29 0:26 {top} {place} rw,relatime shared:4 - {kind} {kind} {options}\n"


def test_version_1_has_groups_below_the_own_one(tmp_path: Path) -> None:
    own = tmp_path / "jobs/7"
    own.mkdir(parents=True)
    groups = "9:name=systemd:/\n4:cpu,memory:/jobs/7\n0::/\n"
    mounts = mount(tmp_path / "u", "cgroup2") + mount(tmp_path, "cgroup", options="rw,cpu,memory")
    found = control_group.find(groups, mounts)
    assert found is not None
    assert (found.root, found.own, found.is_v1) == (tmp_path, own, True)
    assert found.container() is None
    made = found.make()
    assert made is not None
    assert made.folder.parent == own
    assert made.parent == f"/jobs/7/{made.folder.name}"
    (made.folder / "memory.stat").write_text(V1)
    assert made.used() == 34
    made.join(4711)
    assert (made.folder / "programs/cgroup.procs").read_text() == "4711"


def test_version_2_has_groups_where_memory_is_counted_below(tmp_path: Path) -> None:
    own = tmp_path / "user.slice"
    own.mkdir()
    (own / "cgroup.subtree_control").write_text("\n")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n")
    found = control_group.find("0::/user.slice\n", mount(tmp_path, "cgroup2"))
    assert found is not None
    assert found.container() is None
    made = found.make()
    assert made is not None
    assert made.folder.parent == tmp_path
    assert (made.folder / "cgroup.subtree_control").read_text() == "+memory"
    (made.folder / "memory.stat").write_text(V2)
    assert made.used() == 36


def test_a_container_of_version_2_reads_its_own_group_and_makes_none(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("934\n")
    (tmp_path / "memory.stat").write_text(V2)
    (tmp_path / "cgroup.subtree_control").write_text("\n")
    found = control_group.find("0::/\n", mount(tmp_path, "cgroup2"))
    assert found is not None
    assert found.make() is None
    own = found.container()
    assert own is not None
    assert (own.used(), own.parent) == (36, "")


@pytest.mark.parametrize(("top", "is_container"), [("/", False), ("/kubepods/pod1/abc", True)])
def test_a_container_of_version_1_is_told_from_the_machine(
    tmp_path: Path, top: str, *, is_container: bool
) -> None:
    found = control_group.find(
        f"4:memory:{top}\n", mount(tmp_path, "cgroup", top=top, options="rw,memory")
    )
    assert found is not None
    assert found.own == tmp_path
    assert (found.container() is not None) == is_container


def test_the_machine_itself_is_no_container(tmp_path: Path) -> None:
    found = control_group.find("0::/\n", mount(tmp_path, "cgroup2"))
    assert found is not None
    assert found.container() is None


@pytest.mark.parametrize("groups", ["", "0::/\n", "4:cpu:/\n"])
def test_where_nothing_counts_memory(tmp_path: Path, groups: str) -> None:
    assert control_group.find(groups, mount(tmp_path, "cgroup", options="rw,cpu")) is None


def test_a_group_that_cannot_be_made_is_none(tmp_path: Path) -> None:
    mounts = mount(tmp_path / "gone", "cgroup", options="rw,memory")
    found = control_group.find("4:memory:/\n", mounts)
    assert found is not None
    assert found.make() is None


def test_the_peak_stays_and_what_was_not_measured_is_none(tmp_path: Path) -> None:
    group = Group(folder=tmp_path, parent="/x")
    with MemoryMeter(group, pause=0.001) as meter:
        time.sleep(0.005)
        assert meter.peak is None
        for number in (70, 20):
            (tmp_path / "memory.stat").write_text(f"anon {number}\n")
            time.sleep(0.01)
    assert meter.peak == 70
