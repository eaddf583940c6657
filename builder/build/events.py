"""The events of a run and the results of its steps. Reports are made of these alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from builder.registry.release_record import ImageShare
from builder.testing.interfaces import TestCounts


@dataclass(frozen=True, kw_only=True)
class BaseResult:
    """A base image that was pushed."""

    digest: str


@dataclass(frozen=True, kw_only=True)
class ImageResult:
    """An image of a run. Fields are empty for a target that was built by an earlier run.

    `size` is the sum of its compressed blobs in bytes. `chain` has the share of each image of its
    lineage, the base image first. `isolation` and `network` are those of its build, "" where it was
    not built now. `log` is the path of the log file.
    """

    digest: str = ""
    size: int = 0
    tests: TestCounts | None = None
    chain: tuple[ImageShare, ...] = ()
    isolation: str = ""
    network: str = ""
    log: str = ""


@dataclass(frozen=True, kw_only=True)
class ChartResult:
    """A chart package that passed its checks.

    `cases` are the sets of values that it was rendered with, `manifests` the number of rendered
    manifests, and `kubernetes` the versions that they were validated for.
    """

    digest: str
    cases: tuple[str, ...]
    manifests: int
    kubernetes: tuple[str, ...]
    tests: TestCounts


@dataclass(frozen=True, kw_only=True)
class ReleaseContents:
    """The references of a release, the new ones first.

    Each image has one reference, with its most general rolling tag. `embedded` is the address of
    the registry that `builder registry` serves, or "" if the release is in another one.
    """

    images: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()
    embedded: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseResult:
    """The release that is current now.

    `targets` is the number of its targets; `charts` maps names to versions. `waiting` maps the
    id of a multi-platform variant to the reason why it is not updated.
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
class StepUse:
    """The most memory and disk, in bytes, that a step needed; None for what was not measured."""

    memory: int | None = None
    disk: int | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """The end of a step. `seconds` is wall time; `detail` is what the step made or found.

    `memory` and `disk` are the most that it needed, in bytes; None for what was not measured.

    `status` is one of done, reused, failed, blocked, skipped, stopped, retired.
    """

    step: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    detail: Detail | None = None
    exit_code: int = 0
    memory: int | None = None
    disk: int | None = None

    @property
    def ok(self) -> bool:
        """Whether the steps that need this one may start."""
        return self.status in {"done", "reused"}


def detail_of(result: Result | None, kind: type[_Detail]) -> _Detail | None:
    """Return the detail of a result if it is of a kind, else None."""
    return result.detail if result and isinstance(result.detail, kind) else None


@dataclass(frozen=True, kw_only=True)
class Started:
    """A step began."""

    step: str


@dataclass(frozen=True, kw_only=True)
class Noted:
    """A step reports its current activity in a few words.

    A `passing` note is for a live view only: it is left out of logs.
    """

    step: str
    text: str
    passing: bool = False


@dataclass(frozen=True, kw_only=True)
class Retried:
    """A step failed with a transient error and is retried after `delay` seconds."""

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
