"""What a run takes of the disk: measured, and watched while it goes on."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.engines.podman_home import Home
from builder.errors import StepError
from builder.process import Command, Runner

_PAUSE = 10.0
_SHARE = 20.0  # of the time, one in so many parts is spent on measuring


def derived(state: Path) -> tuple[Path, ...]:
    """What runs have left: all that is in `state`, and what podman keeps outside of it."""
    inside = sorted(state.iterdir()) if state.is_dir() else ()
    return (*inside, *Home(state=state / "podman", short=True).outside)


@dataclass(frozen=True, kw_only=True)
class Disk:
    """The disk under a folder. What is mounted below the folder is not counted.

    `elsewhere` says that the engine keeps its images outside of the folder, on the same disk:
    then what went of the free room since `began` bytes were free counts too.
    """

    folder: Path
    runner: Runner
    elsewhere: bool = False
    began: int = 0

    def used(self) -> int:
        """The bytes that the run takes."""
        argv = ("du", "--summarize", "--one-file-system", "--block-size=1", str(self.folder))
        # Files come and go meanwhile, at which du complains.
        out = self.runner.run(Command(argv=argv, timeout=300), check=False).stdout
        inside = int(out.split()[0]) if out.strip() else 0
        return max(inside, self.began - self.free()) if self.elsewhere else inside

    def free(self) -> int:
        """The bytes that are free."""
        return shutil.disk_usage(self.folder).free


class Measure(Protocol):
    """What is known of a disk, in bytes."""

    def used(self) -> int:
        """Taken by the run."""

    def free(self) -> int:
        """Free for anyone."""


class Watch:
    """Measures a disk again and again, from `with` to its end."""

    def __init__(self, disk: Measure, *, pause: float = _PAUSE) -> None:
        self._disk = disk
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="disk", daemon=True)
        self.peak = 0
        self.least = disk.free()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.look()

    def look(self) -> None:
        """Measure now; a run that was told to end is not measured any more."""
        try:
            self.peak = max(self.peak, self._disk.used())
        except StepError:
            return
        self.least = min(self.least, self._disk.free())

    def _go_on(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            began = time.monotonic()
            self.look()
            pause = max(self._pause, _SHARE * (time.monotonic() - began))
