"""What happens while a plan is carried out. Reports are made of these and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a step ended. `seconds` is wall time; `detail` is plain data for the report.

    `status` is one of done, reused, failed, blocked, skipped, stopped, retired.
    """

    step: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    detail: Mapping[str, object] = field(default_factory=dict)
    exit_code: int = 0

    @property
    def ok(self) -> bool:
        """Whether what needs this step may go on."""
        return self.status in {"done", "reused"}


@dataclass(frozen=True, kw_only=True)
class Started:
    """A step began."""

    step: str


@dataclass(frozen=True, kw_only=True)
class Noted:
    """A step says what it is doing now, in a few words.

    What is `passing` is for who looks on: a log that is read later does not need it.
    """

    step: str
    text: str
    passing: bool = False


@dataclass(frozen=True, kw_only=True)
class Retried:
    """A step failed in a way that may pass, and is tried again after `delay` seconds."""

    step: str
    attempt: int
    delay: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A step ended."""

    result: Result


Event = Started | Noted | Retried | Finished
Listener = Callable[[Event], None]
