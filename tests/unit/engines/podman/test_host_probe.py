"""What follows from what a host has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.engines.podman.host_probe import Host, cgroups, choose, parse_version
from builder.engines.podman.storage import Limits

EVERY = (1 << 41) - 1
HOST = Host(
    version=(4, 3, 1),
    capabilities=EVERY,
    uid=0,
    cgroups="v2",
    runtimes=("runc",),
    netavark=True,
    overlay=True,
    files=1 << 20,
    processes=1 << 22,
)


def test_a_usual_host() -> None:
    choice = choose(HOST)
    assert (choice.ok, choice.runtime, choice.isolation) == (True, "runc", "oci")
    assert choice.isolated
    assert choice.limits is None


def test_without_the_capability_limits_are_lowered() -> None:
    choice = choose(replace(HOST, capabilities=EVERY & ~(1 << 24), files=20000))
    assert choice.limits == Limits(files=20000, processes=4096)
    texts = [finding.found for finding in choice.findings]
    assert "no CAP_SYS_RESOURCE: containers get 20000 open files and 4096 processes" in texts


def test_nobody_special_builds_without_a_namespace_of_processes() -> None:
    assert not choose(replace(HOST, uid=1000)).isolated


@pytest.mark.parametrize(
    ("changes", "subject", "hint"),
    [
        ({"version": ()}, "podman", "apt-get install podman (4.3 or newer)"),
        ({"version": (3, 0, 1)}, "podman", "apt-get install podman (4.3 or newer)"),
        ({"runtimes": ()}, "runtime", "apt-get install runc"),
        ({"netavark": False}, "network", "apt-get install netavark aardvark-dns"),
        ({"overlay": False}, "storage", "modprobe overlay"),
    ],
)
def test_what_is_missing_has_a_remedy(changes: dict[str, object], subject: str, hint: str) -> None:
    choice = choose(replace(HOST, **changes))  # type: ignore[arg-type]
    assert not choice.ok
    assert [(item.subject, item.hint) for item in choice.findings if not item.ok] == [
        (subject, hint)
    ]


def test_no_control_groups_means_chroot() -> None:
    assert choose(replace(HOST, cgroups="none")).isolation == "chroot"


def test_runc_is_preferred_to_crun_on_old_control_groups() -> None:
    choice = choose(replace(HOST, cgroups="hybrid", runtimes=("runc", "crun")))
    assert choice.runtime == "runc"
    assert any("runc is preferred" in item.found for item in choice.findings)


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "v2"),
        ("cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n", "v1"),
        (
            "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
            "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
            "hybrid",
        ),
        ("proc /proc proc rw 0 0\n", "none"),
    ],
)
def test_kinds_of_control_groups(mounts: str, kind: str) -> None:
    assert cgroups(mounts) == kind


def test_versions() -> None:
    assert parse_version("podman version 4.3.1") == (4, 3, 1)
    assert parse_version("podman version 5.4") == (5, 4)
    assert parse_version("no such thing") == ()
