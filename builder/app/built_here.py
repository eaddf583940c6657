"""Finds what a catalog that stands on others builds itself, and what it takes as it is.

A target whose fingerprint one of those below has is their image: it is adopted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from builder.app.planning import fingerprints_of
from builder.app.since import Since
from builder.catalog.merge import MergedDocument
from builder.catalog.models import Matrix, Target
from builder.catalog.parser import layered
from builder.common.text import count
from builder.diff.stacks import ADOPTED, BUILT, REMOVED, TargetOutcome
from builder.lock.lockfile import Lock
from builder.overlay.source_catalogs import MATRIX, CatalogFiles
from builder.plan import time_estimate
from builder.plan.fingerprint import Fingerprint, differences
from builder.project import Project


@dataclass(frozen=True, kw_only=True)
class BuiltHere:
    """The targets of a catalog that differ from before, as `since` says.

    `below` are the catalogs that it stands on, each by itself.
    """

    since: Since
    project: Project
    files: CatalogFiles
    below: Sequence[Project]

    @property
    def same(self) -> int:
        """How many targets are as before."""
        return len(self.project.expansion.targets) - len(self.since.targets)

    @cached_property
    def targets(self) -> tuple[TargetOutcome, ...]:
        """What becomes of each target that is not as before, parents first."""
        outcomes = [self._outcome(key) for key in self._changed]
        gone = (TargetOutcome(id=key, outcome=REMOVED) for key in self.since.gone.targets)
        return (*outcomes, *gone)

    @property
    def _changed(self) -> Sequence[str]:
        changed = self.since.targets
        return [key for key in self.project.expansion.targets if key in changed]

    @cached_property
    def _prints(self) -> Mapping[str, Fingerprint]:
        return fingerprints_of(self.project, self.project.lock or Lock())

    @cached_property
    def _below(self) -> Mapping[str, Fingerprint]:
        """The fingerprints of the catalogs below, by target; the uppermost one's count."""
        found: dict[str, Fingerprint] = {}
        for project in self.below:
            found |= fingerprints_of(project, project.lock or Lock())
        return found

    @cached_property
    def _adopted(self) -> frozenset[str]:
        """The ids of our targets that are images of a catalog below."""
        known = {item.digest for item in self._below.values()}
        return frozenset(key for key, item in self._prints.items() if item.digest in known)

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        project = self.project
        targets = project.expansion.targets.values()
        return time_estimate.added(project.catalog, targets, project.lock or Lock(), None)

    def _outcome(self, key: str) -> TargetOutcome:
        if key in self._adopted:
            return TargetOutcome(id=key, outcome=ADOPTED, reason=self.since.targets[key])
        target, size = self.project.expansion.targets[key], self._sizes[key]
        recipes = len(self.project.expansion.lineage(target))
        return TargetOutcome(
            id=key,
            outcome=BUILT,
            reason=self._reason(target),
            seconds=time_estimate.of_build(recipes, size),
            size=size,
        )

    def _reason(self, target: Target) -> str:
        """Return why a target is built here: what of ours makes it another one than below."""
        expansion = self.project.expansion
        needs = [target.parent, *(item for _, item in target.inputs)]
        built = [item for item in needs if item in expansion.targets and item not in self._adopted]
        if built:
            return f"stands on {built[0]}, which is built here"
        if files := self._files(target.recipe):
            more = f" and {count(len(files) - 1, 'more file')}" if len(files) > 1 else ""
            return f"{files[0]}{more}"
        origins = self._matrix.origins(("images", target.variant.image))
        ours = [item for item in origins if item.catalog == self.files.own.name]
        if ours:
            return str(ours[-1].location)
        if target.id not in self._below:
            return "no catalog below has it"
        parts = differences(self._below, {target.id: self._prints[target.id]})[target.id]
        return f"differs from below: {', '.join(parts)}"

    @cached_property
    def _matrix(self) -> MergedDocument:
        return layered(self.files.texts_of(MATRIX), MATRIX, Matrix)

    def _files(self, recipe: str) -> list[str]:
        """Return the files of ours that a build of a recipe reads."""
        own = self.files.own
        folder = own.root / "images" / recipe
        paths = [path.relative_to(own.root).as_posix() for path in own.checkout.files(folder)]
        return [path for path in paths if not path.startswith(f"images/{recipe}/tests/")]
