"""What runs leave below the state folder and beside it, and its removal."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from builder.engines.podman import storage
from builder.engines.podman.storage import Home


def derived(state: Path) -> tuple[Path, ...]:
    """Return what runs have left: all that is in `state`, and what podman keeps outside of it."""
    inside = sorted(state.iterdir()) if state.is_dir() else ()
    return (*inside, *Home(state=state / "podman", short=True).outside)


def discard(state: Path) -> None:
    """Empty a folder in which a target was built again, but for its logs."""
    storage.remove(state / "podman")
    for path in state.iterdir():
        if path.name != "logs":
            shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # it has logs
        state.rmdir()
