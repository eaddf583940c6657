"""Compares a catalog on the contents below that are pinned with itself on others.

Both are read in full. What is wrong on the new contents is a conflict, and told beside all that can
still be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from builder.app.app import App
from builder.app.built_here import BuiltHere
from builder.app.own_patches import own_patches
from builder.app.planning import check
from builder.app.since import Since
from builder.catalog import yaml_document as documents
from builder.catalog.models import Matrix
from builder.catalog.own_places import with_own_places
from builder.catalog.parser import layered
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, ConfigError, flat
from builder.diff import stacks
from builder.diff.catalogs import catalog_changes
from builder.diff.compare import Difference, compare, lock_side
from builder.diff.patch_states import OwnPatch, patch_states
from builder.diff.replaced import replaced_state
from builder.diff.stacks import (
    Below,
    ChartOutcome,
    Conflict,
    PassedRelease,
    PatchState,
    ReplacedState,
    StackDiff,
)
from builder.diff.used_names import used_names
from builder.lock.lockfile import Lock
from builder.overlay.replaced_files import lock_of, replaced_files
from builder.overlay.source_catalogs import MATRIX, CatalogFiles, SourceCatalog
from builder.project import Project, Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS

_FOLDERS = ("images", "charts")
_KEPT = ("image", "chart", "feature")  # what `builder upstream keep` copies
_LEVELS = {"+1.0.0": "major", "+0.1.0": "minor", "+0.0.1": "patch"}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A catalog with those below it. `project` is None where too much is wrong to read it."""

    files: CatalogFiles
    project: Project | None
    errors: tuple[BuilderError, ...] = ()


def read_stack(workspace: Workspace, platforms: tuple[str, ...] = ()) -> Stack:
    """Return a catalog as far as it can be read, with all that is wrong with it.

    Raises ConfigError where those that it stands on are not there.
    """
    files, errors = workspace.files, list[BuilderError]()
    try:
        project = workspace.load(platforms, ECOSYSTEMS, tolerated=errors)
    except BuilderError as error:
        return Stack(files=files, project=None, errors=tuple(flat([error])))
    if not errors:
        try:
            check(project)
        except BuilderError as error:
            errors += with_own_places(workspace.root, [error])
    return Stack(files=files, project=project, errors=tuple(errors))


class StackComparison:
    """Compares a catalog, which is read without a mistake as `before`, with `after`.

    `labels` name the contents below, before and after, by the name of their catalog; those that it
    lacks are the same. `as_app` makes an app on a project, with the options of this run.
    """

    def __init__(
        self,
        before: Stack,
        after: Stack,
        *,
        labels: Mapping[str, tuple[str, str]],
        as_app: Callable[[Project], App],
        releases: Sequence[PassedRelease] = (),
    ) -> None:
        self._before = before
        self._after = after
        self._labels = labels
        self._as_app = as_app
        self._releases = releases

    def compare(self) -> StackDiff:
        """Return all that differs."""
        below = tuple(self._below())
        changes = [change for item in below for change in item.changes]
        built = self._built_here
        return StackDiff(
            name=self._after.files.own.name,
            below=below,
            releases=tuple(self._releases),
            patches=self._patches(),
            redundant=tuple(self._redundant()),
            replaced=tuple(self._replaced()),
            names=used_names(changes, list(own_documents(self._after.files.own))),
            conflicts=tuple(_conflict(self._removed(error, below)) for error in self._after.errors),
            targets=built.targets if built else (),
            same=built.same if built else 0,
            charts=tuple(_charts(built.since)) if built else (),
            packages=self._packages() if built else None,
        )

    def _below(self) -> Iterator[Below]:
        """Yield each catalog below whose content is another, read by itself on both sides."""
        after = {item.name: item for item in self._after.files.below}
        for item in self._before.files.below:
            other = after.get(item.name)
            if other is None or item.name not in self._labels:
                continue
            old, new = self._labels[item.name]
            try:
                before = alone(self._before.files, item)
                now = alone(self._after.files, other)
            except BuilderError as error:
                yield Below(name=item.name, old=old, new=new, error=str(error))
                continue
            changes = catalog_changes(before, now)
            yield Below(name=item.name, old=old, new=new, changes=changes)

    def _removed(self, error: BuilderError, below: Sequence[Below]) -> BuilderError:
        """Return an error that says who removed what ours names, where that is its reason."""
        for item in below:
            gone = [change for change in item.changes if change.kind in _KEPT]
            for used in used_names(gone, list(own_documents(self._after.files.own))):
                if not used.after and str(error.location) in used.places:
                    return ConfigError(
                        f"{error.message}: {item.name} removed it in {item.new}",
                        hint=f"keep it: `builder upstream keep {used.name}` copies it into this"
                        " catalog; or name another",
                        location=error.location,
                        id="E-UPSTREAM-REMOVED",
                    )
        return error

    def _patches(self) -> tuple[PatchState, ...]:
        """Return what becomes of our patches; what they selected is recorded, or as `before`."""
        accepted = lock_of(self._after.files.own).patches
        old, new = self._before.project, self._after.project
        matched = old.catalog.matrix.matched if old else {}
        own = [
            OwnPatch(
                name=name,
                place=place,
                before=accepted[name].names if name in accepted else matched.get(name, ()),
            )
            for name, place in own_patches(self._after.files)
        ]
        return patch_states(own, new.catalog if new else None, self._after.errors)

    def _redundant(self) -> Iterator[str]:
        """Yield the places of our lines of matrix.yaml that say what is said below."""
        files = self._after.files
        try:
            touched = layered(files.texts_of(MATRIX), MATRIX, Matrix).touched
        except BuilderError:
            return
        for path, origins in touched.items():
            is_ours = len(origins) > 1 and origins[-1].catalog == files.own.name
            if is_ours and origins[-1].rule == "set" and origins[-1].value == origins[-2].value:
                yield f"{origins[-1].location}: {'.'.join(map(str, path))}"

    def _replaced(self) -> Iterator[ReplacedState]:
        """Yield what becomes of our files that stand in the place of one below."""
        try:
            now = replaced_files(self._after.files)
        except BuilderError:
            return  # it is among the conflicts
        for item in now:
            old = _below_data(self._before.files, item.path)
            yield replaced_state(item, old, item.below.read_bytes() if item.below else None)

    @cached_property
    def _built_here(self) -> BuiltHere | None:
        """Return what becomes of targets; None where the catalog cannot be read as a whole."""
        old, new = self._before.project, self._after.project
        if old is None or new is None or self._after.errors:
            return None
        return BuiltHere(
            since=Since(self._as_app(new), self._as_app(old)),
            project=new,
            files=self._after.files,
            below=[alone(self._after.files, item) for item in self._after.files.below],
        )

    def _packages(self) -> Difference:
        """Return what differs in the locks, of targets that we have."""
        sides = []
        for name, stack in (("pinned", self._before), ("new", self._after)):
            assert stack.project is not None
            lock, targets = stack.project.lock or Lock(), stack.project.expansion.targets
            side = lock_side(name, lock)
            images = {key: image for key, image in side.images.items() if key in targets}
            sides.append(replace(side, images=images))
        return compare(*sides)


def alone(files: CatalogFiles, catalog: SourceCatalog) -> Project:
    """Return a catalog below as it is without those above it, and those beside it.

    What one of these says in its place, it says itself then.
    """
    left_out = frozenset(path for path in catalog.left_out if len(path) > 2)
    below = [item for item in files.catalogs if item.name in catalog.below]
    workspace = Workspace(catalog.root)
    catalogs = (*below, replace(catalog, left_out=left_out))
    workspace.files = replace(files, catalogs=catalogs)
    return workspace.load((), ECOSYSTEMS)


def own_paths(own: SourceCatalog) -> Iterator[str]:
    """Yield the paths of the files of recipes and charts that the own catalog has."""
    for folder in _FOLDERS:
        for path in own.checkout.files(own.root / folder):
            yield path.relative_to(own.root).as_posix()


def own_documents(own: SourceCatalog) -> Iterator[Document]:
    """Yield the files of the own catalog in which names of others stand."""
    for path in (MATRIX, *own_paths(own)):
        if path == MATRIX or CatalogFiles.is_merged(path):
            yield documents.load(own.text(path), path)[0]


def _below_data(files: CatalogFiles, path: str) -> bytes | None:
    """Return a file as the uppermost catalog below has it; None where none has."""
    for item in reversed(files.below):
        if item.has(path):
            return (item.root / path).read_bytes()
    return None


def _charts(since: Since) -> Iterator[ChartOutcome]:
    for name, change in since.charts("").items():
        level = _LEVELS.get(change.version, "new")
        yield ChartOutcome(name=name, version=change.version, level=level, reason=change.reason)
    for name in since.gone.charts:
        yield ChartOutcome(name=name, version="", level=stacks.REMOVED, reason="")


def _conflict(error: BuilderError) -> Conflict:
    return Conflict(
        id=error.id, place=str(error.location or ""), message=error.message, text=str(error)
    )
