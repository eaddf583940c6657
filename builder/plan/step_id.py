"""The ids of steps: the one place that composes them and reads them."""

from __future__ import annotations


class StepId(str):
    """What is done, and with what: `kind:target`; the release is `release` alone."""

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
        """What it is about: the id of a target or a base, the name of a chart, or nothing."""
        return self.partition(":")[2]
