"""What becomes of a catalog that stands on another one, on another content of that. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from builder.diff.catalogs import CatalogChange
from builder.diff.compare import Difference
from builder.overlay.replaced_files import EQUAL, SAME

APPLIES, MORE, FEWER = "applies", "applies to more", "applies to fewer"
REDUNDANT, NOTHING = "redundant", "matches nothing"
AMBIGUOUS, DIFFERS, REFUSED, UNKNOWN = "ambiguous", "count differs", "refused", "not known"
ADOPTED, BUILT, REMOVED = "adopted", "built", "removed"


@dataclass(frozen=True, kw_only=True)
class Below:
    """A catalog below, with its content before and after; `old` and `new` name these."""

    name: str
    old: str
    new: str
    changes: tuple[CatalogChange, ...] = ()
    error: str = ""  # why it cannot be read by itself


@dataclass(frozen=True, kw_only=True)
class PassedRelease:
    """A release of a catalog below that came after the pinned one, `days` after that."""

    catalog: str
    release: str
    days: int


@dataclass(frozen=True, kw_only=True)
class PatchState:
    """What becomes of a patch of ours. `place` is where it is; `kind` is what it selects.

    `more` and `fewer` are the names that it selects now and did not before, and the other way.
    `redundant` are the places of what it says that is so below already.
    """

    name: str
    state: str
    place: str
    kind: str = "charts"
    before: int = 0
    after: int = 0
    more: tuple[str, ...] = ()
    fewer: tuple[str, ...] = ()
    redundant: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ReplacedState:
    """What becomes of a file of ours that replaces one below: lines that come and go there."""

    path: str
    state: str
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, kw_only=True)
class UsedName:
    """A name that we use, at `places`, and that is removed below, or called `after` now."""

    kind: str
    name: str
    after: str
    places: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TargetOutcome:
    """What becomes of a target that is not as before: adopted, built or removed, and why.

    `seconds` and `size`, in compressed bytes, are estimates of what is built.
    """

    id: str
    outcome: str
    reason: str = ""
    seconds: float = 0.0
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class ChartOutcome:
    """A chart that gets another version, and why. `level` is new, major, minor or patch."""

    name: str
    version: str
    level: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """What keeps the catalog from standing on the new content: a mistake, in full."""

    id: str
    place: str
    message: str
    text: str


@dataclass(frozen=True, kw_only=True)
class StackDiff:
    """All that differs, in the order in which it is to be looked at.

    `same` is how many targets stay as they are. `packages` is None, and there are no targets and
    charts, where the catalog cannot be read on the new content.
    """

    name: str
    below: tuple[Below, ...]
    releases: tuple[PassedRelease, ...] = ()
    patches: tuple[PatchState, ...] = ()
    redundant: tuple[str, ...] = ()
    """The places of our other lines that say what is said below already."""
    replaced: tuple[ReplacedState, ...] = ()
    names: tuple[UsedName, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    targets: tuple[TargetOutcome, ...] = ()
    same: int = 0
    charts: tuple[ChartOutcome, ...] = ()
    packages: Difference | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes: what is below says what it said before."""
        return not (
            self.conflicts
            or any(item.changes or item.error for item in self.below)
            or self.targets
            or self.charts
        )

    @property
    def is_clean(self) -> bool:
        """Whether nobody needs to look: patches apply as accepted, and nothing else is touched."""
        return (
            not self.conflicts
            and all(item.state == APPLIES for item in self.patches)
            and all(item.state in (SAME, EQUAL) for item in self.replaced)
            and all(item.level != "major" for item in self.charts)
        )
