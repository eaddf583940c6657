"""The ids of steps. Only this module composes and splits them."""

from __future__ import annotations


class StepId(str):
    """The id of a step: `kind:target`, or `release` alone for the release."""

    __slots__ = ()

    @classmethod
    def of(cls, kind: str, target: str = "") -> StepId:
        """Compose the id of a step."""
        return cls(f"{kind}:{target}" if target else kind)

    @property
    def kind(self) -> str:
        """The kind of the step."""
        return self.partition(":")[0]

    @property
    def target(self) -> str:
        """The id of a target or a base, the name of a chart, or ""."""
        return self.partition(":")[2]
