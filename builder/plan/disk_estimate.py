"""Estimates how much disk a run needs. Pure.

Sizes come from the current release if it has a target, else from the budgets of recipes. All are
in bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from builder.common.errors import ConfigError
from builder.common.text import gigabytes
from builder.plan.models import Plan

UNPACKED = 3.0
"""Bytes in the storage of an engine per byte of a compressed layer. Measured on the starter
catalog: 2.2 for apt and R, 2.6 to 3.0 for Python. Blocks of small files come on top of that."""
BASE = 40_000_000
"""The bytes of a bootstrapped Debian, compressed: the larger of two."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """The disk that a target needs, in bytes.

    `added` is what it adds to its parent, `whole` the size of the image, `inputs` the size of its
    inputs, all compressed. `kept` is what its push leaves on this disk.
    """

    added: int
    whole: int
    inputs: int = 0
    kept: int = 0

    @property
    def own(self) -> int:
        """The need of a build whose ancestors are in the engine: its layers and its layout."""
        return round(UNPACKED * self.added) + self.whole + self.kept

    @property
    def alone(self) -> int:
        """The need of a build whose ancestors are not in the engine."""
        return round(UNPACKED * (self.whole + self.inputs)) + self.whole + self.kept


Needs = dict[str, Need]


def needs(
    plan: Plan,
    added: Mapping[str, int],
    parents: Mapping[str, Sequence[str]],
    keeps: Callable[[int], int],
) -> Needs:
    """Return the need of each target of a plan.

    `added` has the compressed bytes by target. `parents` maps each target to its parent and then
    its inputs; an id that is no key of it is a base. `keeps` returns how many bytes a push of so
    many bytes adds to this disk.
    """
    whole: dict[str, int] = {}

    def size(target: str) -> int:
        if target not in parents:
            return BASE
        if target not in whole:
            released = plan.targets[target].before if target in plan.targets else None
            released_size = sum(share.size for share in released.shares) if released else 0
            whole[target] = released_size or size(parents[target][0]) + added[target]
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


def peaks(plan: Plan, needs: Needs, used: int) -> dict[str, int]:
    """Return the least disk in bytes for each target to build, in the order of the plan.

    `used` are the bytes that are used already and cannot be freed.
    """
    sizes: dict[str, int] = {}
    for target, target_plan in plan.targets.items():
        if target_plan.action == "build":
            sizes[target] = used + needs[target].alone
            used += needs[target].kept
    return sizes


def check(peaks: Mapping[str, int], budget: int) -> None:
    """Raise ConfigError if the budget in bytes is too small for a target."""
    large = {target: size for target, size in peaks.items() if size > budget}
    if not large:
        return
    lines = "\n".join(f"    {target}: {gigabytes(size)}" for target, size in large.items())
    raise ConfigError(
        f"a disk budget of {gigabytes(budget)} is too small for {len(large)} of {len(peaks)}"
        f" targets to build\n{lines}",
        hint=f"--disk-budget {gigabytes(max(large.values())).replace(' ', '')},"
        " or select fewer targets with -s",
    )
