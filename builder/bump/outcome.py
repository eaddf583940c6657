"""What is said of the release lines of a catalog on a day."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from builder.bump.decision import PROPOSALS, Row
from builder.resolvers.observation import Observation

PROPOSED = 11
"""The exit code of a command that says so that something is proposed."""


@dataclass(frozen=True, kw_only=True)
class NotLookedAt:
    """An index or a table that was not read, or is not believed, and why."""

    axis: str
    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What may be done about release lines, and what was looked at."""

    today: str
    rows: tuple[Row, ...]
    observations: tuple[Observation, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def proposals(self) -> tuple[Row, ...]:
        """What somebody may do now."""
        return tuple(row for row in self.rows if row.what in PROPOSALS)

    @property
    def kept_back(self) -> tuple[Row, ...]:
        """The release lines with which nothing is to be done now."""
        return tuple(row for row in self.rows if row.what not in PROPOSALS)


def proposal_id(row: Row) -> str:
    """Return the name of a proposal: the same as long as the same is proposed."""
    what = [row.axis, row.line, row.what, row.why if row.what == "eol" else ""]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:12]
