"""Looks at a host, once, and says whether and how podman can work on it."""

from __future__ import annotations

import os
import re
import resource
from dataclasses import dataclass
from pathlib import Path

from builder.common.errors import StepError, ToolError
from builder.common.process import Command, Runner, which
from builder.engines.interfaces import ISOLATION, OCI, Finding
from builder.engines.podman import rootless
from builder.engines.podman.rootless import Rootless
from builder.engines.podman.storage import Limits

OLDEST = (4, 3)
_CAP_SYS_RESOURCE = 24
_CAP_SYS_ADMIN = 21
WEAKER = {
    "chroot": "the RUN of an image sees the processes and the network of this machine",
    "pod": "this machine is a pod of the step alone, without a credential that can write",
}
"""What may be asked for, and what is then so."""
_NETAVARK = ("/usr/lib/podman/netavark", "/usr/libexec/podman/netavark")


@dataclass(frozen=True, kw_only=True)
class Host:
    """The facts about a host on which `choose` decides. `version` is () where podman is missing."""

    version: tuple[int, ...]
    capabilities: int
    uid: int
    cgroups: str  # v1, v2, hybrid or none
    runtimes: tuple[str, ...]  # in order of preference
    netavark: bool
    overlay: bool
    files: int  # the hard limits of this process
    processes: int
    rootless: Rootless | None = None  # None for root
    asked: str = ""  # a key of `WEAKER`, "" for isolation by the kernel


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How podman is used on a host, and why. `ok` says whether it can be used at all."""

    ok: bool
    runtime: str
    isolation: str  # kernel, or what was asked for
    isolated: bool
    limits: Limits | None
    findings: tuple[Finding, ...]


def probe(*, runner: Runner, program: str = "podman") -> Choice:
    """Look at this host and decide how podman is used. Starts no container, changes nothing."""
    return choose(look(runner=runner, program=program))


def look(*, runner: Runner, program: str = "podman") -> Host:
    """Return the facts about this host."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
    status = Path("/proc/self/status").read_text()
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.M)
    return Host(
        version=podman_version(runner, program),
        capabilities=int(effective[1], 16) if effective else 0,
        uid=os.geteuid(),
        cgroups=cgroups(Path("/proc/self/mounts").read_text()),
        runtimes=tuple(name for name in ("runc", "crun") if which(name)),
        netavark=any(Path(file).exists() for file in _NETAVARK),
        overlay="overlay" in Path("/proc/filesystems").read_text().split(),
        files=files if files > 0 else 1 << 20,
        processes=processes if processes > 0 else 1 << 22,
        rootless=rootless.look(runner) if os.geteuid() else None,
        asked=os.environ.get(ISOLATION, ""),
    )


def choose(host: Host) -> Choice:
    """Decide how podman is used on a host."""
    may_limit = bool(host.capabilities >> _CAP_SYS_RESOURCE & 1)
    isolated = bool(host.capabilities >> _CAP_SYS_ADMIN & 1) and host.uid == 0
    limits = None
    if not may_limit:
        limits = Limits(files=min(host.files, 1 << 16), processes=min(host.processes, 4096))
    findings = (*_needs(host), *_means(host, limits=limits), _isolation(host))
    findings += tuple(rootless.findings(host.rootless)) if host.rootless else ()
    return Choice(
        ok=all(finding.ok for finding in findings),
        runtime=host.runtimes[0] if host.runtimes else "",
        isolation=host.asked or OCI,
        isolated=isolated,
        limits=limits,
        findings=findings,
    )


def cgroups(mounts: str) -> str:
    """Return which control groups a host has, from the text of /proc/self/mounts."""
    kinds = {line.split()[2]: line.split()[1] for line in mounts.splitlines() if " cgroup" in line}
    if "cgroup" in kinds:
        return "hybrid" if "cgroup2" in kinds else "v1"
    return "v2" if "cgroup2" in kinds else "none"


def parse_version(text: str) -> tuple[int, ...]:
    """Return the numbers of `podman version 4.3.1`; () where there are none."""
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part) for part in match.groups() if part) if match else ()


def podman_version(runner: Runner, program: str = "podman") -> tuple[int, ...]:
    """Return the version of podman; () where it is missing."""
    try:
        output = runner.run(Command(argv=(program, "--version"), timeout=30.0))
    except (ToolError, StepError):
        return ()
    return parse_version(output.stdout)


def _needs(host: Host) -> tuple[Finding, ...]:
    """Return the findings about what podman needs."""
    version = ".".join(map(str, host.version)) or "missing"
    return (
        Finding(
            subject="podman",
            found=version,
            ok=host.version >= OLDEST,
            hint="" if host.version >= OLDEST else "apt-get install podman (4.3 or newer)",
        ),
        Finding(
            subject="runtime",
            found=", ".join(host.runtimes) or "missing",
            ok=bool(host.runtimes),
            hint="" if host.runtimes else "apt-get install runc",
        ),
        Finding(
            subject="network",
            found="netavark" if host.netavark else "no netavark",
            ok=host.netavark,
            hint="" if host.netavark else "apt-get install netavark aardvark-dns",
        ),
        Finding(
            subject="storage",
            found="overlay" if host.overlay else "no overlay file system",
            ok=host.overlay,
            hint="" if host.overlay else "modprobe overlay",
        ),
    )


def _isolation(host: Host) -> Finding:
    """Return the finding about the walls around a RUN, which are never lowered silently."""
    subject = "isolation of builds"
    if host.asked:
        if means := WEAKER.get(host.asked):
            return Finding(subject=subject, found=f"{host.asked}, by {ISOLATION}: {means}")
        hint = f"leave {ISOLATION} out, or set it to one of: {', '.join(WEAKER)}"
        return Finding(subject=subject, found=f"{ISOLATION}={host.asked}", ok=False, hint=hint)
    if host.cgroups != "none":
        return Finding(subject=subject, found=OCI)
    return Finding(
        subject=subject,
        found="this machine has no control groups",
        ok=False,
        hint=f"{ISOLATION}=chroot builds without them;"
        f" {ISOLATION}=pod in a pod of the step alone, without a credential that can write",
    )


def _means(host: Host, *, limits: Limits | None) -> tuple[Finding, ...]:
    """Return the findings about how podman is used on this host."""
    limited = "CAP_SYS_RESOURCE is there: the usual limits"
    if limits is not None:
        limited = (
            "no CAP_SYS_RESOURCE: containers get "
            f"{limits.files} open files and {limits.processes} processes"
        )
    preferred = ""
    if host.cgroups in {"v1", "hybrid"} and "crun" in host.runtimes:
        preferred = "; runc is preferred, since crun fails on some of these hosts"
    return (
        Finding(subject="limits", found=limited),
        Finding(subject="control groups", found=f"{host.cgroups}, by cgroupfs{preferred}"),
    )
