"""What of its lock a catalog inherits from those that it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from builder.catalog import yaml_document as documents
from builder.common.errors import reading
from builder.common.text import count
from builder.lock.held import Held, held, in_force, locked_here, touched_by
from builder.lock.lockfile import Lock
from builder.overlay.lock import inherited_lock
from builder.overlay.replaced_files import lock_of
from builder.overlay.source_catalogs import MATRIX
from builder.project import Project


@dataclass(frozen=True, kw_only=True)
class Inheritance:
    """The lock of the catalogs below, that of the own file, and what is held of the former."""

    below: Lock
    own: Lock
    held: Held

    @property
    def in_force(self) -> Lock:
        """The lock that counts."""
        return in_force(self.below, self.own, self.held)

    @property
    def needless(self) -> tuple[str, ...]:
        """The entries of the own file that are inherited without it."""
        return self.held.among(self.own)

    def held_targets(self, project: Project) -> frozenset[str]:
        """Return the ids of the targets that are locked by the catalogs below alone."""
        targets = project.expansion.targets.values()
        return frozenset(it.id for it in targets if it.made_id in self.held.targets)

    def said(self, today: str) -> str:
        """Return a sentence on the entries that nobody moves here, "" where there are none."""
        number = len(self.held.package_sets)
        if not number:
            return ""
        pins = [pin for pin in self.own.upstreams.values() if pin.date]
        ages = [
            f"{pin.release or pin.commit[:12]}, {count(days_between(pin.date, today), 'day')} old"
            for pin in pins
        ]
        of = f" ({'; '.join(ages)})" if ages else ""
        verb = "is" if number == 1 else "are"
        update = ": `builder upstream update` moves them" if ages else ""
        return f"{count(number, 'package set')} {verb} upstream's{of}{update}"


def inheritance(project: Project) -> Inheritance | None:
    """Return what a catalog inherits; None for one that stands alone."""
    files = project.workspace().files
    if not files.below:
        return None
    with reading(MATRIX):
        document, _ = documents.load(files.own.text(MATRIX), MATRIX)
    below, own = inherited_lock(files), lock_of(files.own)
    return Inheritance(
        below=below,
        own=own,
        held=held(
            project.catalog,
            project.declared,
            below=below,
            own=own,
            touched=touched_by(document.data),
        ),
    )


def kept_here(project: Project) -> frozenset[str] | None:
    """Return the targets that are locked here, whatever is below; None for all."""
    if project.catalog.matrix.lock.origin == "own":
        return None
    return locked_here(project.catalog, project.declared)


def days_between(first: str, second: str) -> int:
    """Return the days from one day to another, both YYYY-MM-DD."""
    return (date.fromisoformat(second) - date.fromisoformat(first)).days


def old_upstreams(project: Project, today: str) -> tuple[str, ...]:
    """Return a sentence for each catalog below that is older than its `max_age` allows."""
    pins = project.lock.upstreams if project.lock else {}
    said = {
        (*extends.source.items(),): extends.max_age for extends in project.catalog.matrix.extends
    }
    old = []
    for name, pin in pins.items():
        most = said.get((*pin.source.items(),))
        if most is None or not pin.date or (days := days_between(pin.date, today)) <= most:
            continue
        old.append(
            f"Catalog {name} is of {pin.date}, {count(days, 'day')} ago, and `max_age` is {most}:"
            " `builder upstream update` takes a newer one."
        )
    return tuple(old)
