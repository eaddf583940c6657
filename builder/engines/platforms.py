"""The platforms that a machine can build for: its own, and those that its kernel emulates."""

from __future__ import annotations

import platform
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
_EMULATORS = Path("/proc/sys/fs/binfmt_misc")


def host_platforms(machine: str = "", emulators: Path = _EMULATORS) -> tuple[str, ...]:
    """Return the platforms as os/architecture, the machine's own first.

    `emulators` is the folder in which the kernel lists its emulators.
    """
    own_name = machine or platform.machine()
    names = [own_name, *(name for name in _ARCHITECTURES if _is_on(emulators / f"qemu-{name}"))]
    return tuple(dict.fromkeys(f"linux/{_ARCHITECTURES.get(name, name)}" for name in names))


def _is_on(entry: Path) -> bool:
    try:
        return entry.read_text().startswith("enabled")
    except OSError:
        return False
