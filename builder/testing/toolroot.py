"""A tool root: a small Debian 13 in a folder, for hosts whose own tools are too old.

Commands run in it as on the host, with the same network, processes and project folder, but with
other programs. The host is not changed, and mounts end with the command.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.common.process import Command, Runner

SUITE = "trixie"
PACKAGES = (
    "aardvark-dns", "ca-certificates", "catatonit", "containerd", "docker-buildx", "docker-cli",
    "docker.io", "iptables", "netavark", "nftables", "podman", "runc", "skopeo", "uidmap",
)  # fmt: skip
MARKER = "packages.json"
"""In `etc/`, written last: a tool root without it is not finished."""

# $1: the root; then, up to "--", the folders and files of the host that get the same path inside.
# rprivate hides all mounts from the host. The old root is unmounted once all is bound.
_ENTER = """
root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
for place in proc sys dev; do mount --rbind "/$place" "$root/$place"; done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
while [ "$1" != -- ]; do
    mkdir -p "$(dirname "$root$1")"
    if [ -d "$1" ]; then mkdir -p "$root$1"; else : >> "$root$1"; fi
    mount --rbind "$1" "$root$1"; shift
done
shift
folder=$PWD
cd "$root"; mkdir -p .host
pivot_root . .host
umount -l /.host
cd "$folder" 2>/dev/null || cd /
exec "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Need:
    """Whether a tool root is needed for some work, and why."""

    needed: bool
    reason: str


def need(*, program: str, version: tuple[int, ...], least: tuple[int, ...]) -> Need:
    """Return the need, given the `version` of the host's program; () if it is missing."""
    wanted = ".".join(map(str, least))
    if not version:
        return Need(needed=True, reason=f"{program} is not on this host")
    installed = ".".join(map(str, version))
    if version < least:
        return Need(needed=True, reason=f"{program} {installed} is older than {wanted}")
    return Need(needed=False, reason=f"{program} {installed} is on this host")


class ToolRoot:
    """The tool root in the folder `path`."""

    def __init__(
        self,
        *,
        path: Path,
        runner: Runner,
        packages: Sequence[str] = PACKAGES,
        binds: Sequence[Path] = (),
    ) -> None:
        self.path = path.absolute()
        self._runner = runner
        self._packages = tuple(packages)
        self._binds = tuple(binds)

    @property
    def ready(self) -> bool:
        """Whether the tool root exists with all wanted packages."""
        try:
            marker = json.loads((self.path / "etc" / MARKER).read_text())
        except (OSError, ValueError):
            return False
        return bool(marker == wanted(self._packages))

    def ensure(self, *, log: Path | None = None) -> None:
        """Make the tool root if it does not exist. Raises StepError, ToolError, TransientError."""
        if self.ready:
            return
        partial = self.path.with_name(self.path.name + ".part")
        for folder in (partial, self.path):
            if folder.exists():
                shutil.rmtree(folder)
        partial.parent.mkdir(parents=True, exist_ok=True)
        self._runner.run(bootstrap(partial, self._packages), log=log)
        (partial / "etc" / MARKER).write_text(json.dumps(wanted(self._packages)))
        partial.rename(self.path)

    def command(
        self, command: Command, *, binds: Sequence[Path] = (), signal: str = "KILL"
    ) -> Command:
        """Return a command that runs in the tool root.

        If its caller ends, it gets `signal`. When it ends, all its descendants end.
        """
        all_binds = dict.fromkeys((*host_files(), *self._binds, *binds))
        paths = (str(bind.absolute()) for bind in all_binds)
        inside = ("sh", "-euc", _ENTER, "sh", str(self.path), *paths, "--", *command.argv)
        return apart(replace(command, argv=inside, program=command.name), signal=signal)


def apart(command: Command, *, signal: str = "KILL") -> Command:
    """Return a command that runs in its own mount namespace and process namespace.

    If its caller ends, it gets `signal`. When it ends, all its descendants end.
    """
    tied = ("setpriv", "--pdeathsig", "KILL")
    own = ("unshare", "--mount-proc", "--pid", "--fork", f"--kill-child={signal}")
    return replace(command, argv=(*tied, *own, *command.argv), program=command.name)


def host_files() -> tuple[Path, ...]:
    """Return the files of the host with names and certificates that a command inside needs."""
    files = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
    folders = ("/etc/containers/certs.d", "/etc/docker/certs.d")
    return tuple(Path(name) for name in (*files, *folders) if Path(name).exists())


def bootstrap(path: Path, packages: Sequence[str]) -> Command:
    """Return the command that makes a tool root from the package source of the host."""
    argv = ("mmdebstrap", "--variant=minbase", f"--include={','.join(sorted(packages))}")
    return Command(argv=(*argv, SUITE, str(path)), timeout=1800.0)


def wanted(packages: Sequence[str]) -> dict[str, object]:
    """Return the content of the marker of a finished tool root."""
    return {"suite": SUITE, "packages": sorted(packages)}
