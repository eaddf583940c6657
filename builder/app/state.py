"""What runs leave in the state folder and beside it, and its removal."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from builder.common.state_dir import StateDir
from builder.engines.table import AUTO, ENGINES, factories


def derived(
    state: StateDir, engine: str = AUTO, *, catalog: Path | None = None
) -> tuple[Path, ...]:
    """Return what runs have left: all that is in `state`, and what engines keep outside of it.

    The engines are the built-in ones, and `engine`.
    """
    outside = (
        path
        for name, factory in factories(engine, catalog=catalog)
        for path in factory.outside(state.engine(name))
    )
    return (*state.entries, *outside)


def discard(state: StateDir, engine: str, *, catalog: Path | None = None) -> None:
    """Empty a folder in which `engine` built a target again, but for its logs."""
    ENGINES.get(engine, catalog=catalog).remove_state(state.engine(engine))
    for path in state.entries:
        if path != state.logs:
            shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # it has logs
        state.root.rmdir()
