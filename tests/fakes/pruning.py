"""Searches for garbage in the small catalog, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from builder.catalog.models import Retention
from builder.release.prune.remove import Prune
from builder.release.prune.search import Garbage, Policy, Search
from tests.fakes.catalog import Week

TIGHT = Retention(weeks=1, months=0, retired=0)


@dataclass(frozen=True, kw_only=True)
class Broom:
    """What looks at a week's registries, and sweeps them."""

    week: Week
    keep: Retention = TIGHT
    today: str = "2026-12-31"
    orphans: bool = False
    notes: list[str] = field(default_factory=list)

    def look(self) -> Garbage:
        """What is garbage."""
        return Search(
            catalog=self.week.folder.load().catalog,
            store=self.week.store,
            records=self.week.records(),
            policy=Policy(keep=self.keep, today=self.today, orphans=self.orphans),
        ).run()

    def sweep(self, garbage: Garbage | None = None) -> int:
        """Remove it."""
        store = self.week.store
        prune = Prune(store=store, records=self.week.records())
        return prune.carry_out(
            garbage or self.look(), lambda _: self.notes.append("index"), self.notes.append
        )
