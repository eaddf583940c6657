"""Ends the program that loads it, as kill -9 does, where BUILDER_FAULT says.

`before FILE` and `after FILE`: as a file of that name is put in its place. `start PROGRAM WORD`:
when it has started that program with that word as its first argument.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

WHEN, *WHAT = os.environ.get("BUILDER_FAULT", "none").split()


def end() -> None:
    """Not one instruction more."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def replace(source: Any, target: Any, **more: Any) -> None:
    """os.replace, but for one file."""
    is_it = Path(target).name == WHAT[0]
    if is_it and WHEN == "before":
        end()
    REPLACE(source, target, **more)
    if is_it and WHEN == "after":
        end()


class Popen(subprocess.Popen):  # type: ignore[type-arg]
    """A program that is started, but for one."""

    def __init__(self, args: Any, *rest: Any, **more: Any) -> None:
        super().__init__(args, *rest, **more)
        words = [Path(word).name for word in args]
        if any(words[at : at + len(WHAT)] == WHAT for at in range(len(words))):
            end()


REPLACE = os.replace
if WHEN in {"before", "after"}:
    os.replace = replace  # type: ignore[assignment]
elif WHEN == "start":
    subprocess.Popen = Popen  # type: ignore[misc]
