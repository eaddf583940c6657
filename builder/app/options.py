"""What a run is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is asked for. `only_looks`: nothing of it is written to the lock, or built."""

    root: Path
    select: tuple[str, ...] = ()
    today: str = ""
    registries: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    engine: str = "auto"
    ci: str = "auto"
    jobs: int = 2
    timeout: float = 3600.0
    fail_fast: bool = False
    show_commands: bool = False
    reachable: bool = False
    block_unlocked: bool = False
    disk_budget: int = 0
    only_looks: bool = False
