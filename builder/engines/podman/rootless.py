"""What podman needs where it is not root: namespaces of its own, and ids to map in them.

A container may refuse each; what it lacks is said with the field of a pod that gives it.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.common.process import Command, Runner, which
from builder.engines.interfaces import Finding

MAPPERS = {"newuidmap": 7, "newgidmap": 6}
"""The programs that map ids, each with the capability that it needs: SETUID, SETGID."""
_CAP_DAC_OVERRIDE = 1
_TUN = Path("/dev/net/tun")
_CONTEXT = "in a pod, securityContext of the container:"


@dataclass(frozen=True, kw_only=True)
class Rootless:
    """The facts about a process that is not root.

    `mappers` says of each program of `MAPPERS` how it gets its capability: `file`, `setuid`, or ""
    where it does not. `bounding` are the capabilities that a program can get at all.
    """

    mappers: dict[str, str]
    has_ranges: bool  # in /etc/subuid and /etc/subgid
    may_gain: bool  # no_new_privs is not set
    bounding: int
    may_unshare: bool
    may_mount_proc: bool
    has_tun: bool


def look(runner: Runner) -> Rootless:
    """Return the facts about this process."""
    status = Path("/proc/self/status").read_text()
    bounding = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.M)

    def works(*words: str) -> bool:
        argv = ("unshare", "--user", "--map-root-user", "--mount", *words, "true")
        return runner.run(Command(argv=argv, timeout=30.0), check=False).code == 0

    return Rootless(
        mappers={program: _means(program) for program in MAPPERS},
        has_ranges=all(map(_has_range, ("/etc/subuid", "/etc/subgid"))),
        may_gain=re.search(r"^NoNewPrivs:\s*0$", status, re.M) is not None,
        bounding=int(bounding[1], 16) if bounding else 0,
        may_unshare=works(),
        may_mount_proc=works("--pid", "--fork", "--mount-proc"),
        has_tun=os.access(_TUN, os.R_OK | os.W_OK),
    )


def findings(facts: Rootless) -> Iterator[Finding]:
    """Say what is there and what is lacking."""
    if not facts.may_gain:
        yield _lacks("privileges", "no program may gain any", "allowPrivilegeEscalation: true")
    lacking = [name for name, bit in MAPPERS.items() if not facts.bounding >> bit & 1]
    if lacking:
        added = "capabilities.add: [SETUID, SETGID]"
        yield _lacks("capabilities", f"{' and '.join(lacking)} cannot get theirs", added)
    yield _mapping(facts)
    if not facts.may_unshare:
        profile = "seccompProfile: {type: Localhost, localhostProfile: catalog-builder.json}"
        yield _lacks("user namespace", "it cannot be made, or nothing be mounted in it", profile)
    elif not facts.may_mount_proc:
        hint = "procMount: Unmasked, with hostUsers: false of the pod"
        yield _lacks("/proc", "a container cannot have its own: parts of it are masked", hint)
    else:
        yield Finding(subject="user namespace", found="with /proc of its own")
    tun = f"{_TUN} is there"
    if not facts.has_tun:
        tun = f"no {_TUN}: a RUN has no network, and no port of a test is reached"
    yield Finding(subject="network of containers", found=tun)


def _mapping(facts: Rootless) -> Finding:
    subject = "ids of containers"
    missing = [name for name, means in facts.mappers.items() if not means]
    if missing:
        return Finding(
            subject=subject,
            found=f"{' and '.join(missing)} cannot map any",
            ok=False,
            hint="apt-get install uidmap",
        )
    if "setuid" in facts.mappers.values() and not facts.bounding >> _CAP_DAC_OVERRIDE & 1:
        return Finding(
            subject=subject,
            found="newuidmap is root without the capability to open the map of a process",
            ok=False,
            hint="in the image: chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap;"
            " setcap cap_setuid=ep /usr/bin/newuidmap; setcap cap_setgid=ep /usr/bin/newgidmap",
        )
    if not facts.has_ranges:
        return Finding(
            subject=subject,
            found="this user has no range in /etc/subuid and /etc/subgid",
            ok=False,
            hint="usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER;"
            " in a pod with hostUsers: false, a range below 65536",
        )
    return Finding(subject=subject, found="mapped by newuidmap")


def _lacks(subject: str, found: str, field: str) -> Finding:
    return Finding(subject=subject, found=found, ok=False, hint=f"{_CONTEXT} {field}")


def _means(program: str) -> str:
    """Return how a program gets its capability."""
    path = which(program)
    if path is None:
        return ""
    try:
        os.getxattr(path, "security.capability")
    except OSError:
        info = os.stat(path)
        return "setuid" if info.st_mode & 0o4000 and info.st_uid == 0 else ""
    return "file"


def _has_range(file: str) -> bool:
    """Whether a file of ranges has one for this user, by name or number."""
    uid = os.geteuid()
    names = {str(uid)}
    try:
        names.add(pwd.getpwuid(uid).pw_name)
        lines = Path(file).read_text().splitlines()
    except (KeyError, OSError):
        return False
    return any(line.split(":")[0] in names for line in lines)
