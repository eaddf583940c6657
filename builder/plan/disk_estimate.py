"""How much disk a run needs, as far as that can be said beforehand. Pure.

Sizes come from the current release where it knows a target, else from the budgets of recipes.
All are bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from builder.common.errors import ConfigError
from builder.common.text import gigabytes
from builder.plan.models import Plan

UNPACKED = 3.0
"""Bytes in an engine's storage for one of a compressed layer. Measured on the starter catalog:
2.2 for apt and R, 2.6 to 3.0 for Python, and the blocks of small files on top of that."""
BASE = 40_000_000
"""A compressed Debian as it is bootstrapped, the larger of two."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a target takes of the disk.

    `added` is what it adds to its parent, `whole` all that it is made of, `inputs` what it
    copies from, all compressed. `kept` is what its push leaves on this disk.
    """

    added: int
    whole: int
    inputs: int = 0
    kept: int = 0

    @property
    def own(self) -> int:
        """While it is built, and all that it stands on is in the engine: its layers, its layout."""
        return round(UNPACKED * self.added) + self.whole + self.kept

    @property
    def alone(self) -> int:
        """While it is built, and the engine has nothing of what it stands on."""
        return round(UNPACKED * (self.whole + self.inputs)) + self.whole + self.kept


Needs = dict[str, Need]


def needs(
    plan: Plan,
    added: Mapping[str, int],
    parents: Mapping[str, Sequence[str]],
    keeps: Callable[[int], int],
) -> Needs:
    """What each target of a plan takes.

    `parents` maps each target to what it is built from, its parent first; what is not in it is a
    base. `added` is by target. `keeps` says what a push of so many bytes adds to this disk.
    """
    whole: dict[str, int] = {}

    def size(target: str) -> int:
        if target not in parents:
            return BASE
        if target not in whole:
            before = plan.targets[target].before if target in plan.targets else None
            known = sum(share.size for share in before.chain) if before else 0
            whole[target] = known or size(parents[target][0]) + added[target]
        return whole[target]

    return {
        target: Need(
            added=added[target],
            whole=size(target),
            inputs=sum(size(name) for name in parents[target][1:]),
            kept=keeps(added[target]),
        )
        for target in plan.targets
    }


def peaks(plan: Plan, needs: Needs, held: int) -> dict[str, int]:
    """The least disk with which each target to build can be built, in the order of the plan.

    `held` is taken already, and stays.
    """
    found = {}
    for target, item in plan.targets.items():
        if item.action == "build":
            found[target] = held + needs[target].alone
            held += needs[target].kept
    return found


def check(peaks: Mapping[str, int], budget: int) -> None:
    """Raise ConfigError, before anything is built, where the budget is too small for a target."""
    large = {target: size for target, size in peaks.items() if size > budget}
    if not large:
        return
    lines = "\n".join(f"    {target}: {gigabytes(size)}" for target, size in large.items())
    raise ConfigError(
        f"a disk budget of {gigabytes(budget)} is too small for {len(large)} of {len(peaks)}"
        f" targets to build\n{lines}",
        hint=f"--disk-budget {gigabytes(max(large.values())).replace(' ', '')}, or select less",
    )
