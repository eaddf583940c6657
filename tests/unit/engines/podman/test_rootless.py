"""What podman needs where it is not root, and which field of a pod gives it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.engines.podman.host_probe import choose
from builder.engines.podman.rootless import Rootless, findings, look
from tests.fakes.programs import FakePrograms
from tests.unit.engines.podman.test_host_probe import HOST

SETUID, SETGID, DAC_OVERRIDE = 1 << 7, 1 << 6, 1 << 1
POD = Rootless(
    mappers={"newuidmap": "file", "newgidmap": "file"},
    has_ranges=True,
    may_gain=True,
    bounding=SETUID | SETGID,
    may_unshare=True,
    may_mount_proc=True,
    has_tun=True,
)
CONTEXT = "in a pod, securityContext of the container:"
PROFILE = "seccompProfile: {type: Localhost, localhostProfile: catalog-builder.json}"


def test_a_pod_that_has_every_field() -> None:
    found = {item.subject: item.found for item in findings(POD)}
    assert found == {
        "ids of containers": "mapped by newuidmap",
        "user namespace": "with /proc of its own",
        "network of containers": "/dev/net/tun is there",
    }
    assert choose(replace(HOST, uid=1000, rootless=POD)).ok


@pytest.mark.parametrize(
    ("changes", "found", "hint"),
    [
        (
            {"may_gain": False},
            "no program may gain any",
            f"{CONTEXT} allowPrivilegeEscalation: true",
        ),
        (
            {"bounding": SETUID},
            "newgidmap cannot get theirs",
            f"{CONTEXT} capabilities.add: [SETUID, SETGID]",
        ),
        (
            {"may_unshare": False, "may_mount_proc": False},
            "it cannot be made, or nothing be mounted in it",
            f"{CONTEXT} {PROFILE}",
        ),
        (
            {"may_mount_proc": False},
            "a container cannot have its own: parts of it are masked",
            f"{CONTEXT} procMount: Unmasked, with hostUsers: false of the pod",
        ),
        (
            {"mappers": {"newuidmap": "setuid", "newgidmap": "setuid"}},
            "newuidmap is root without the capability to open the map of a process",
            "in the image: chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap;"
            " setcap cap_setuid=ep /usr/bin/newuidmap; setcap cap_setgid=ep /usr/bin/newgidmap",
        ),
        (
            {"mappers": {"newuidmap": "", "newgidmap": "file"}},
            "newuidmap cannot map any",
            "apt-get install uidmap",
        ),
        (
            {"has_ranges": False},
            "this user has no range in /etc/subuid and /etc/subgid",
            "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER;"
            " in a pod with hostUsers: false, a range below 65536",
        ),
    ],
)
def test_what_is_lacking_names_the_field(changes: dict[str, object], found: str, hint: str) -> None:
    facts = replace(POD, **changes)  # type: ignore[arg-type]
    lacking = [(item.found, item.hint) for item in findings(facts) if not item.ok]
    assert lacking == [(found, hint)]
    assert not choose(replace(HOST, uid=1000, rootless=facts)).ok


def test_the_usual_setuid_programs_of_a_machine_are_enough() -> None:
    mappers = {"newuidmap": "setuid", "newgidmap": "setuid"}
    facts = replace(POD, mappers=mappers, bounding=SETUID | SETGID | DAC_OVERRIDE)
    assert all(item.ok for item in findings(facts))


def test_without_tun_what_is_locked_is_still_built() -> None:
    facts = replace(POD, has_tun=False)
    assert all(item.ok for item in findings(facts))
    assert "no /dev/net/tun: a RUN has no network, and no port of a test is reached" in [
        item.found for item in findings(facts)
    ]


def test_namespaces_are_tried() -> None:
    programs = FakePrograms()
    look(programs)
    assert [command.argv for command in programs.asked] == [
        ("unshare", "--user", "--map-root-user", "--mount", "true"),
        (
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "true",
        ),
    ]
