"""A catalog that is locked with bases, lines and packages of tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from builder.catalog.recipe import named_at
from builder.lock.locker import Explain, lock_catalog
from builder.lock.lockfile import Lock
from builder.lock.package_locker import ALL, Upgrade
from builder.lock.problems import Problem
from builder.project import Workspace
from tests.fakes.bases import FakeBases, FakeLines
from tests.fakes.catalog import TODAY, Folder
from tests.fakes.layers import FakeLayers

LINES = {"lang on os=2": "1.10.4", "lang on os=1": "1.9.7"}
HAS = {
    "tar": "1.35", "grep": "3.11", "libacl": "2.3", "less": "668", "desk": "1", "legs": "4",
    "lang": "1",
}  # fmt: skip
NEEDS = {"tar": ("libacl",), "less": ("libacl",)}


class NoCheck:
    """Finds nothing wrong with packages."""

    def check(self, lock: Lock, targets: Sequence[str]) -> dict[str, tuple[()]]:
        """Return no errors."""
        return {}


class Locking:
    """A catalog, and what apt has."""

    def __init__(self, folder: Folder, tmp_path: Path) -> None:
        self.folder = folder
        self.apt = FakeLayers(tmp_path / "files", HAS, NEEDS)
        self.bases = FakeBases(tmp_path / "bases")
        self.lines = FakeLines(LINES)
        self.notes: list[str] = []
        self.problems: tuple[Problem, ...] = ()
        self.explain: Explain | None = None

    def lock(
        self,
        held: Lock | None = None,
        *,
        upgrade: Upgrade = ALL,
        today: str = TODAY,
        targets: Sequence[str] | None = None,
    ) -> Lock:
        """The lock; what is wrong is in `problems` then."""
        self.apt.calls.clear()
        self.notes.clear()
        project = self.folder.load()
        found = lock_catalog(
            catalog=project.catalog,
            expansion=project.expansion,
            previous=held,
            bases=self.bases,
            providers={"apt": self.lines},
            today=today,
            note=self.notes.append,
            locate=partial(named_at, Workspace(self.folder.root).read),
            targets=targets,
            upgrade=upgrade,
            resolvers={"apt": self.apt},
            explain=self.explain,
        )
        self.problems = found.problems
        return found.lock
