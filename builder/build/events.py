"""What happens while a plan is carried out. Reports are made of these and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from builder.registry.release_record import ImageShare
from builder.testing.interfaces import TestCounts


@dataclass(frozen=True, kw_only=True)
class BaseResult:
    """The content of a base, which was pushed."""

    digest: str


@dataclass(frozen=True, kw_only=True)
class ImageResult:
    """What is known of an image. A target that was built before has less than one built now.

    `size` is in bytes, of all its compressed blobs. `chain` has what each image of its lineage
    adds, the base image first. `log` is the path of the log file.
    """

    digest: str = ""
    size: int = 0
    tests: TestCounts | None = None
    chain: tuple[ImageShare, ...] = ()
    log: str = ""


@dataclass(frozen=True, kw_only=True)
class ChartResult:
    """A package of a chart that passed its checks.

    `cases` are the sets of values that it was rendered with, `manifests` the number of manifests
    that this gave, and `kubernetes` the versions whose schemas they are valid in.
    """

    digest: str
    cases: tuple[str, ...]
    manifests: int
    kubernetes: tuple[str, ...]
    tests: TestCounts


@dataclass(frozen=True, kw_only=True)
class ReleaseContents:
    """References of what a release has, what is new in it first.

    Of each image it is one, with the tag that moves most. `embedded` is the address of the
    registry that `builder registry` serves, where it is that one.
    """

    images: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()
    embedded: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseResult:
    """The release that is current now.

    `targets` counts its targets; `charts` has their versions by name. `waiting` says of variants
    of several platforms, by id, why they are not released anew.
    """

    release: str
    previous: str | None
    targets: int
    charts: Mapping[str, str]
    contents: ReleaseContents
    waiting: Mapping[str, str] = field(default_factory=dict)


Detail = BaseResult | ImageResult | ChartResult | ReleaseResult
_Detail = TypeVar("_Detail", BaseResult, ImageResult, ChartResult, ReleaseResult)


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a step ended. `seconds` is wall time; `detail` is what it made, or found.

    `status` is one of done, reused, failed, blocked, skipped, stopped, retired.
    """

    step: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    detail: Detail | None = None
    exit_code: int = 0

    @property
    def ok(self) -> bool:
        """Whether what needs this step may go on."""
        return self.status in {"done", "reused"}


def detail_of(result: Result | None, kind: type[_Detail]) -> _Detail | None:
    """Return the detail of a result where it is of a kind; None where there is none."""
    return result.detail if result and isinstance(result.detail, kind) else None


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
