"""What an app is asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from builder.engines.interfaces import CHROOT, ISOLATION
from builder.testing.interfaces import CHART_TESTS


def day() -> str:
    """Return the day of the clock, YYYY-MM-DD in UTC."""
    return datetime.now(UTC).date().isoformat()


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an app is asked for.

    `select` holds globs over target ids, or `axis=value`. `today` is the day of the plan.
    `registries` take the place of those in matrix.yaml. `state` is the folder for all that is
    derived, `build/` of the catalog where it is None. `jobs` is how many steps run at once.
    `timeout` is in seconds, for one step; so is `retry_delay`, before the first retry, and each
    next one waits thrice as long. `disk_budget` is in bytes; 0 is no limit.
    `reachable`: what a provider or the engine does not give here does not count as failed.
    `block_unlocked`: targets that the lock does not fit are blocked; otherwise the run is refused.
    `build_anyway`: where nothing can be adopted of a catalog below, all of it is built.
    `only_looks`: nothing is written to the lock, or built.
    `chart_tests` names what charts are run with, in the place of the catalog's word; `kubeconfig`
    is the file of a cluster to run them in.
    `isolation` is what was asked for in the place of the kernel's, see engines.
    `hand_over_to`: what steps would push is written to this folder instead. `handed_over_in`: steps
    push what is in this folder, and build nothing. `run` names the run that does both.
    `takes_unsigned`: what nobody signed counts, for what signs it; nothing is signed by itself.
    """

    select: tuple[str, ...] = ()
    today: str = field(default_factory=day)
    registries: tuple[str, ...] = ()
    engine: str = "auto"
    state: Path | None = None
    jobs: int = 2
    timeout: float = 3600.0
    retry_delay: float = 2.0
    fail_fast: bool = False
    reachable: bool = False
    block_unlocked: bool = False
    disk_budget: int = 0
    build_anyway: bool = False
    only_looks: bool = False
    chart_tests: str = field(default_factory=lambda: os.environ.get(CHART_TESTS, ""))
    kubeconfig: Path | None = None
    isolation: str = field(default_factory=lambda: os.environ.get(ISOLATION, ""))
    hand_over_to: Path | None = None
    handed_over_in: Path | None = None
    takes_unsigned: bool = False
    run: str = ""

    @property
    def takes_chroot(self) -> bool:
        """Whether images that were built in a chroot are reused and built on."""
        return self.isolation == CHROOT
