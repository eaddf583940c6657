"""Compares a catalog on the contents below that are pinned with itself on others.

Both are read in full. What is wrong on the new contents is a conflict, and told beside all that can
still be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from builder.app.app import App
from builder.app.built_here import BuiltHere
from builder.app.planning import check, fingerprints_of
from builder.app.since import Since
from builder.catalog import yaml_document as documents
from builder.catalog.models import Matrix
from builder.catalog.own_places import with_own_places
from builder.catalog.parser import layered
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, SelectionError, flat
from builder.common.text import did_you_mean
from builder.diff import stacks
from builder.diff.catalogs import catalog_changes
from builder.diff.compare import Difference, compare, lock_side
from builder.diff.replaced import replaced_state
from builder.diff.stacks import (
    Below,
    ChartOutcome,
    Conflict,
    PassedRelease,
    ReplacedState,
    StackDiff,
)
from builder.diff.used_names import used_names
from builder.lock.lockfile import Lock
from builder.project import Project, Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS
from builder.source_catalogs import MATRIX, CatalogFiles, SourceCatalog

_FOLDERS = ("images", "charts")
_OF_OWN = (".removed", ".skip", "README.md", "Dockerfile.append.j2")
"""Files that say something of those below, or are for people: they replace nothing."""
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
            redundant=tuple(self._redundant()),
            replaced=tuple(self._replaced()),
            names=used_names(changes, list(own_documents(self._after.files.own))),
            conflicts=tuple(_conflict(error) for error in self._after.errors),
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
                before, now = alone(item), alone(other)
            except BuilderError as error:
                yield Below(name=item.name, old=old, new=new, error=str(error))
                continue
            changes = catalog_changes(before, now, _digests)
            yield Below(name=item.name, old=old, new=new, changes=changes)

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
        own = self._after.files.own
        project = self._before.project
        accepted = project.lock.replaces if project and project.lock else {}
        for path in own_paths(own):
            if path.rpartition("/")[2] in _OF_OWN or self._after.files.is_merged(path):
                continue
            old, new = (_below_data(side.files, path) for side in (self._before, self._after))
            if old is not None or new is not None:
                ours = (own.root / path).read_bytes()
                yield replaced_state(path, ours, old, new, accepted.get(path, ""))

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
            below=[alone(item) for item in self._after.files.below],
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


def beside(workspace: Workspace, folders: Mapping[str, Path]) -> Workspace:
    """Return a catalog's folder with other folders in the place of those below, by their names.

    Raises SelectionError for a name that none has.
    """
    files = workspace.files
    names = [item.name for item in files.below]
    for name in folders:
        if name not in names:
            hint = did_you_mean(name, names)
            raise SelectionError(f"no catalog below is called {name!r}", hint=hint)
    other = Workspace(workspace.root, workspace.state.root)
    other.files = CatalogFiles(
        catalogs=tuple(
            replace(item, root=folders[item.name].resolve(), is_kept=False)
            if item.name in folders
            else item
            for item in files.catalogs
        )
    )
    return other


def alone(catalog: SourceCatalog) -> Project:
    """Return a catalog below, read with those that it stands on itself."""
    return Workspace(catalog.root).load((), ECOSYSTEMS)


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


def _digests(project: Project) -> dict[str, str]:
    prints = fingerprints_of(project, project.lock or Lock())
    return {key: item.digest for key, item in prints.items()}


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
