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


CHROOT = (
    "chroot, by BUILDER_ISOLATION: the RUN of an image sees the processes and the network of this"
    " machine"
)
POD = (
    "pod, by BUILDER_ISOLATION: this machine is a pod of the step alone, without a credential that"
    " can write"
)


@pytest.mark.parametrize("cgroups", ["none", "v2"])
@pytest.mark.parametrize(("asked", "found"), [("chroot", CHROOT), ("pod", POD)])
def test_weaker_isolation_is_had_where_it_is_asked_for(
    cgroups: str, asked: str, found: str
) -> None:
    choice = choose(replace(HOST, cgroups=cgroups, asked=asked))
    assert (choice.ok, choice.isolation) == (True, asked)
    assert found in [finding.found for finding in choice.findings]


@pytest.mark.parametrize(
    ("changes", "found", "hint"),
    [
        (
            {"cgroups": "none"},
            "this machine has no control groups",
            "BUILDER_ISOLATION=chroot builds without them;"
            " BUILDER_ISOLATION=pod in a pod of the step alone, without a credential that can"
            " write",
        ),
        (
            {"asked": "none"},
            "BUILDER_ISOLATION=none",
            "leave BUILDER_ISOLATION out, or set it to one of: chroot, pod",
        ),
    ],
)
def test_isolation_is_never_lowered_silently(
    changes: dict[str, str], found: str, hint: str
) -> None:
    choice = choose(replace(HOST, **changes))  # type: ignore[arg-type]
    assert not choice.ok
    failed = [item for item in choice.findings if not item.ok]
    assert [(item.subject, item.found, item.hint) for item in failed] == [
        ("isolation of builds", found, hint)
    ]


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
