"""The folder in which podman stores all that it has for one project, and its configuration.

The folder can be deleted as a whole: what matters is in the registry.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from builder.common.errors import StepError

_LONGEST = 50


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Resource limits of containers, for hosts on which the usual ones may not be set."""

    files: int
    processes: int


@dataclass(frozen=True, kw_only=True)
class Home:
    """The folder of one project's podman. `state` is absolute.

    `short` says that its run root may be below /tmp: the podman that cleans up after a container
    refuses a name of more than 50 characters, and who waits for it waits 20 seconds.
    """

    state: Path
    runtime: str = "runc"
    limits: Limits | None = None
    short: bool = False

    @property
    def run_root(self) -> Path:
        """The folder of what is valid until the machine restarts."""
        below_state = self.state / "run"
        if not self.short or len(str(below_state)) <= _LONGEST:
            return below_state
        return Path("/tmp") / f"podman-{hashlib.sha256(str(below_state).encode()).hexdigest()[:12]}"

    @property
    def outside(self) -> tuple[Path, ...]:
        """What is outside of the folder: the run root, where it is below /tmp."""
        is_outside = not self.run_root.is_relative_to(self.state)
        return (self.run_root,) if is_outside and self._owns_run_root() else ()

    @property
    def temporary(self) -> Path:
        """The folder of large temporary files, and of the cache mounts of builds."""
        return self.state / "tmp"

    @property
    def cache(self) -> Path:
        """The folder that an enclosed podman sees as the system's library folder."""
        return self.state / "library"

    def environment(self) -> dict[str, str]:
        """Return the environment that makes podman use this folder."""
        return {
            "CONTAINERS_CONF": str(self.state / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.state / "storage.conf"),
            "TMPDIR": str(self.temporary),
        }

    def files(self) -> dict[str, str]:
        """Return the configuration: file name to text."""
        return {"containers.conf": self._containers(), "storage.conf": self._storage()}

    def shell(self) -> tuple[str, ...]:
        """Return shell lines that write the configuration."""
        folders = shlex.join([str(self.temporary), str(self.cache), str(self.run_root)])
        writes = (
            f"printf %s {shlex.quote(text)} > {shlex.quote(str(self.state / name))}"
            for name, text in self.files().items()
        )
        return (f"mkdir -p {folders}", *writes)

    def prepare(self) -> dict[str, str]:
        """Make the folder ready, and give the environment that podman needs."""
        self._forget_elsewhere()
        for folder in (self.temporary, self.cache):
            folder.mkdir(parents=True, exist_ok=True)
        self._make_run_root()
        for name, text in {**self.files(), "origin.json": self._origin()}.items():
            _write(self.state / name, text)
        return self.environment()

    def _make_run_root(self) -> None:
        if self.run_root.is_relative_to(self.state):
            return  # podman makes it
        self.run_root.mkdir(mode=0o700, exist_ok=True)
        if not self._owns_run_root():
            raise StepError(f"{self.run_root} belongs to another user", hint="remove it")

    def _owns_run_root(self) -> bool:
        """Whether it is there, and its own: anybody may make things below /tmp."""
        run_root = self.run_root
        is_folder = run_root.is_dir() and not run_root.is_symlink()
        return is_folder and run_root.stat().st_uid == os.geteuid()

    def _forget_elsewhere(self) -> None:
        """Drop what only held before a restart of the machine, or in another place.

        podman records absolute paths, so the state of a checkout that moved is of no use; and it
        believes in containers and mounts that a restart has ended.
        """
        try:
            recorded = json.loads((self.state / "origin.json").read_text())
        except (OSError, ValueError):
            return
        current = json.loads(self._origin())
        if recorded.get("state") != current["state"]:
            shutil.rmtree(self.state)
        elif recorded.get("boot") != current["boot"]:
            shutil.rmtree(self.run_root, ignore_errors=True)
            shutil.rmtree(self.state / "libpod", ignore_errors=True)

    def _origin(self) -> str:
        boot = Path("/proc/sys/kernel/random/boot_id")
        identity = boot.read_text().strip() if boot.exists() else ""
        return json.dumps({"state": str(self.state), "boot": identity})

    def _containers(self) -> str:
        limits = ""
        if self.limits is not None:
            files, processes = self.limits.files, self.limits.processes
            limits = _setting(
                "default_ulimits", [f"nofile={files}:{files}", f"nproc={processes}:{processes}"]
            )
        return (
            "[containers]\n"
            + limits
            # Proxies are given to builds as a secret, and never by the host's environment.
            + "http_proxy = false\n"
            + _setting("log_driver", "k8s-file")
            + "[network]\n"
            + _setting("network_backend", "netavark")
            + _setting("network_config_dir", str(self.state / "networks"))
            + "[engine]\n"
            + _setting("runtime", self.runtime)
            + _setting("cgroup_manager", "cgroupfs")
            + _setting("events_logger", "file")
            # The default is one piece of shared memory for all podmans of the machine.
            + _setting("lock_type", "file")
            + _setting("tmp_dir", str(self.state / "libpod"))
            + _setting("static_dir", str(self.state / "storage" / "libpod"))
            + _setting("volume_path", str(self.state / "storage" / "volumes"))
            + _setting("image_copy_tmp_dir", str(self.temporary))
        )

    def _storage(self) -> str:
        return (
            "[storage]\n"
            + _setting("driver", "overlay")
            + _setting("graphroot", str(self.state / "storage"))
            + _setting("runroot", str(self.run_root))
            + "[storage.options.overlay]\n"
            # Otherwise the folder stays a mount point, and cannot be deleted.
            + _setting("skip_mount_home", "true")
        )


def mounts_below(folder: Path, mounts: str) -> tuple[str, ...]:
    """Return the mounts in a folder, the deepest first, from the text of /proc/self/mounts."""
    mount_points = (line.split()[1] for line in mounts.splitlines())
    # The kernel writes blanks and the like as three octal digits.
    plain = (
        re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), text) for text in mount_points
    )
    return tuple(sorted((text for text in plain if text.startswith(f"{folder}/")), reverse=True))


def _setting(key: str, value: object) -> str:
    # A JSON string, boolean or list of strings is one in TOML too.
    return f"{key} = {json.dumps(value)}\n"


def _write(file: Path, text: str) -> None:
    """Write a file whole, and only where it differs."""
    try:
        if file.read_text(encoding="utf-8") == text:
            return
    except (OSError, ValueError):
        pass
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.rename(file)
