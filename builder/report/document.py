"""The document `report.json` of a run. `report.schema.json` is its schema.

The dataclasses here and those that they use are the format: a change of one needs a new `FORMAT`.
"""

from __future__ import annotations

from dataclasses import dataclass

from builder.build.disk import DiskUse
from builder.build.events import BaseResult, ChartResult, ImageResult, ReleaseResult
from builder.diff.compare import Difference
from builder.lock.problems import NotLocked

FORMAT = 5
NOT_RUN = "not run"


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """The plan of a step and its result.

    `status` is done, reused, failed, blocked, skipped, stopped, retired or not run; `seconds` is
    null if it did not run. `memory` and `disk` are the most bytes that it needed, null if they were
    not measured.
    """

    id: str
    action: str
    reason: str
    status: str = NOT_RUN
    seconds: float | None = None
    memory: int | None = None
    disk: int | None = None


@dataclass(frozen=True, kw_only=True)
class TargetRow(StepRow):
    """A target; `id` is its id."""

    image: ImageResult | None = None


@dataclass(frozen=True, kw_only=True)
class BaseRow(StepRow):
    """A base; `id` is its id."""

    base: BaseResult | None = None


@dataclass(frozen=True, kw_only=True)
class ChartRow(StepRow):
    """A chart; `id` is its name. `image` is the first that it names."""

    version: str
    image: str
    package: ChartResult | None = None


@dataclass(frozen=True, kw_only=True)
class ReleaseRow(StepRow):
    """The release; `id` is the name that was planned for it."""

    release: ReleaseResult | None = None


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The seconds that the run took, compared with the least that its steps allow.

    `critical_path` is the longest chain of steps, which `path` names; `sum` is that of all steps,
    `jobs` of which ran at once. `ratio` is 1.0 at best, and 0 if nothing was done.
    """

    wall: float
    critical_path: float
    sum: float
    jobs: int
    ratio: float
    path: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Bake:
    """The last measurement against docker buildx bake, in seconds, and their ratio."""

    selection: tuple[str, ...]
    builder: float
    bake: float
    ratio: float


@dataclass(frozen=True, kw_only=True)
class SizeShare:
    """The compressed bytes that an image of a lineage adds; `share` is from 0 to 1."""

    target: str
    recipe: str
    layers: int
    size: int
    share: float


@dataclass(frozen=True, kw_only=True)
class TargetSize:
    """The compressed bytes of a target, and the share of each image of its lineage."""

    id: str
    size: int
    chain: tuple[SizeShare, ...]


@dataclass(frozen=True, kw_only=True)
class RecipeSize:
    """The compressed bytes of a recipe: in all its targets, and the least and most in one.

    `recipe` is "" for bases.
    """

    recipe: str
    targets: int
    layers: int
    size: int
    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes by target, and by recipe with the largest first."""

    targets: tuple[TargetSize, ...]
    recipes: tuple[RecipeSize, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report of a run.

    `stopped` names the signal that interrupted the run, if any. `changes` are those since the
    previous release, if any. `not_locked` are the problems of the lock,
    and `never_locked` the release lines that nobody built anything with. `old_upstreams` says which
    catalogs below are pinned for longer than `max_age` allows.
    """

    format: int = FORMAT
    seconds: float
    stopped: str
    pace: Pace
    disk: DiskUse | None
    bake: Bake | None
    targets: tuple[TargetRow, ...]
    sizes: Sizes
    bases: tuple[BaseRow, ...]
    charts: tuple[ChartRow, ...]
    release: ReleaseRow
    changes: Difference | None
    not_locked: tuple[NotLocked, ...]
    never_locked: tuple[str, ...]
    old_upstreams: tuple[str, ...]
