"""What runs leave below the state folder and beside it, and its removal."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from builder.common.state_dir import StateDir
from builder.engines.podman import storage
from builder.engines.podman.storage import Home


def derived(state: StateDir) -> tuple[Path, ...]:
    """Return what runs have left: all that is in `state`, and what podman keeps outside of it."""
    return (*state.entries, *Home(state=state.podman, short=True).outside)


def discard(state: StateDir) -> None:
    """Empty a folder in which a target was built again, but for its logs."""
    storage.remove(state.podman)
    for path in state.entries:
        if path != state.logs:
            shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # it has logs
        state.root.rmdir()
