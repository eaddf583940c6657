"""Runs container programs in a process namespace of their own, with their caches elsewhere."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from builder.common.process import Command, which

SYSTEM_LIBRARY = Path("/var/lib/containers")
"""podman, buildah and skopeo keep a cache here, wherever their configuration puts the rest."""


def can_enclose() -> bool:
    """Whether this process may make namespaces: it takes root, and the program unshare."""
    return os.geteuid() == 0 and which("unshare") is not None


def enclosed(command: Command, *, cache: Path) -> Command:
    """Return a command that ends with all its descendants, however it or its caller ends.

    It is the first process of its own process namespace: buildah starts the process of a RUN in
    a session of its own, which would go on after a time limit. What it keeps in `SYSTEM_LIBRARY` is
    in the folder `cache` instead.
    """
    script = (
        # podman ends well when it is told to end; its caller must see that it did not finish.
        'trap "exit 143" TERM INT; '
        f'mkdir -p "$0" {SYSTEM_LIBRARY}; mount --bind "$0" {SYSTEM_LIBRARY}; "$@"'
    )
    tied = ("setpriv", "--pdeathsig", "KILL")
    apart = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    argv = (*tied, *apart, "sh", "-ec", script, str(cache), *command.argv)
    return replace(command, argv=argv, program=command.name)
