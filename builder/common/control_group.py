"""Measures the memory of programs by control groups of version 1 or 2.

A group of its own counts what was put into it, and all that this started. It needs no daemon, but
the right to make groups. Where a container does one thing only, its own group counts that.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

_V1 = ("total_rss", "total_shmem")
_V2 = ("anon", "shmem", "kernel_stack", "pagetables", "slab_unreclaimable")
# What a kernel can take back by itself is not counted: reading files fills any memory with it.
_PAUSE = 0.2
_TRIES = 10
_PROGRAMS = "programs"


@dataclass(frozen=True, kw_only=True)
class Group:
    """A control group. `parent` is its path as engines take it for groups of their containers."""

    folder: Path
    parent: str

    def join(self, process: int) -> None:
        """Put a process into the group, with all that it will start; silent where it has ended."""
        with contextlib.suppress(OSError):
            (self.folder / _PROGRAMS / "cgroup.procs").write_text(str(process))

    def used(self) -> int | None:
        """Return the bytes that its processes need now; None where the kernel does not say it."""
        return _used(self.folder)


@dataclass(frozen=True, kw_only=True)
class ControlGroups:
    """The control groups of this process. `root` is where they are mounted, `own` its own one.

    `is_container` says that the group at the root is that of a container, which this process is in.
    """

    root: Path
    own: Path
    is_v1: bool
    is_container: bool

    def make(self) -> Group | None:
        """Make a group; None where this process may not."""
        parent = self._parent()
        if parent is None:
            return None
        folder = parent / f"catalog-{uuid.uuid4().hex[:12]}"
        try:
            folder.mkdir()
            if not self.is_v1:
                (folder / "cgroup.subtree_control").write_text("+memory")
            # With version 2 a group has processes or groups in it, and not both.
            (folder / _PROGRAMS).mkdir()
        except OSError:
            remove(folder)
            return None
        return Group(folder=folder, parent=f"/{folder.relative_to(self.root)}")

    def container(self) -> Group | None:
        """Return the group of the container that this process is in; None where it is in none."""
        return Group(folder=self.own, parent="") if self.is_container else None

    def _parent(self) -> Path | None:
        if self.is_v1:
            return self.own
        for folder in (self.own, self.root):
            if "memory" in _text(folder / "cgroup.subtree_control").split():
                return folder
        return None


def find(groups: str, mounts: str) -> ControlGroups | None:
    """Return the control groups of a process; None where none counts memory.

    The texts are those of /proc/self/cgroup and /proc/self/mountinfo.
    """
    paths = {names: path for _, names, path in (line.split(":", 2) for line in groups.splitlines())}
    found: dict[bool, tuple[Path, str]] = {}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "memory" in options.split(",")):
            top, place = before.split()[3:5]
            found.setdefault(kind == "cgroup", (Path(place), top))
    v1_path = next((path for names, path in paths.items() if "memory" in names.split(",")), None)
    is_v1 = v1_path is not None and True in found
    path = v1_path if is_v1 else paths.get("")
    if path is None or is_v1 not in found:
        return None
    root, top = found[is_v1]
    below = path.removeprefix(top.rstrip("/")) if f"{path}/".startswith(f"{top}/") else path
    own = root / below.lstrip("/")
    # Only the group of the machine lacks this file; with version 1 all have the others.
    of_container = top != "/" if is_v1 else (root / "memory.current").exists()
    is_container = own == root and of_container
    return ControlGroups(root=root, own=own, is_v1=is_v1, is_container=is_container)


def of_this_process() -> ControlGroups | None:
    """Return the control groups of this process; None where none counts memory."""
    folder = Path("/proc/self")
    return find(_text(folder / "cgroup"), _text(folder / "mountinfo"))


class MemoryMeter:
    """Measures the memory of a group repeatedly, until the `with` block ends.

    `peak` is the most, in bytes; None where nothing was measured.
    """

    def __init__(self, group: Group, *, pause: float = _PAUSE) -> None:
        self._group = group
        self._pause = pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="memory", daemon=True)
        self.peak: int | None = None

    def __enter__(self) -> MemoryMeter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _measure(self) -> None:
        while not self._ended.wait(self._pause):
            if used := self._group.used():
                self.peak = max(self.peak or 0, used)


def remove(folder: Path) -> None:
    """Remove a group with the groups in it; silent where something goes on running there."""
    for _ in range(_TRIES):  # what was told to end may need a moment
        for below in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                below.rmdir()
        with contextlib.suppress(OSError):
            folder.rmdir()
        if not folder.exists():
            return
        time.sleep(_PAUSE / 10)


def _used(folder: Path) -> int | None:
    numbers = dict(line.split() for line in _text(folder / "memory.stat").splitlines())
    names = _V1 if _V1[0] in numbers else _V2
    return sum(int(numbers.get(name, 0)) for name in names) if names[0] in numbers else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
