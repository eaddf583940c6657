"""Lock and fetch the R packages that a target adds, from a snapshot of Package Manager."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.catalog.models import RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common.errors import NoPackageError, StepError
from builder.common.parallel import in_parallel
from builder.common.text import did_you_mean
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import Fetcher, MissingError
from builder.network.upstreams import upstream
from builder.resolvers.apt.providers import CODENAMES
from builder.resolvers.interfaces import said_of, tell_nobody
from builder.resolvers.r.index import Entry, RIndex, meets

_SOURCE = "packagemanager"
_DATES = "__api__/repos/cran/transaction-dates"
_LATEST = "latest"
_CONTRIB = "src/contrib"
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
OWN = frozenset({
    "KernSmooth", "MASS", "Matrix", "base", "boot", "class", "cluster", "codetools", "compiler",
    "datasets", "foreign", "grDevices", "graphics", "grid", "lattice", "methods", "mgcv", "nlme",
    "nnet", "parallel", "rpart", "spatial", "splines", "stats", "stats4", "survival", "tcltk",
    "tools", "utils",
})  # fmt: skip
"""The packages that come with R: its base, and those that it recommends."""


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """A version of a package in a snapshot; `locked` is its entry in the lock, if any."""

    entry: Entry
    snapshot: str
    locked: LockedPackage | None = None
    is_kept: bool = False


@dataclass(kw_only=True)
class _Query:
    """A request with the index that answers it; packages in `moved` may not stay as they are."""

    request: PackageRequest
    index: RIndex
    snapshot: str
    moved: set[str] = field(default_factory=set)


class RResolver:
    """Locks R packages. The `source` of a package is the snapshot, its `file` a path in that.

    Package Manager has binaries for several releases of Debian, by machine and R's minor version,
    and sources of the other packages. A mirror without snapshots is asked for its latest packages.
    """

    def __init__(self, *, fetcher: Fetcher, note: Callable[[str], None] = tell_nobody) -> None:
        self._fetcher = fetcher
        self._note = note
        self._guard = threading.Lock()
        self._snapshots: dict[str, str] = {}  # by the last moment of a version
        self._indexes: dict[tuple[str, str], RIndex | None] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError."""
        with self._guard:  # files that several targets need are fetched once
            query = self._query(request)
            choices = self._closure(query)
            while moved := self._unfit(choices, query):
                query.moved |= moved
                choices = self._closure(query)
            locked = in_parallel(self._locked, choices.values())
        packages = dict(zip(choices, locked, strict=True))
        return dict(sorted(packages.items()))

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate."""
        with self._guard:
            query = self._query(request)
        return all(
            package.version == next((entry.version for entry in self._fitting(name, query)), "")
            for name, package in locked.items()
        )

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked. Raises as `resolve` does."""
        return dict(zip(packages, in_parallel(self._file, packages.items()), strict=True))

    def differing(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, str]:
        """Return what snapshots have in place of packages. No index has hashes: all are fetched."""

        def ask(package: LockedPackage) -> str:
            url = _url(package.source, package.file)
            try:
                file = self._fetcher.record(package.file_name, url, again=True)
            except MissingError:
                return said_of(package, [])
            return said_of(package, [f"sha256:{file.sha256}"])

        said = zip(packages, in_parallel(ask, packages.values()), strict=True)
        return {name: text for name, text in said if text}

    def _file(self, item: tuple[str, LockedPackage]) -> Path:
        """Fetch a package from its snapshot, or from the repository's archive of older sources."""
        name, package = item
        older = f"{_CONTRIB}/Archive/{name}/{package.file_name}"
        for path in (package.file, older):
            url = _url(package.source, path)
            try:
                return self._fetcher.file(
                    RemoteFile(name=package.file_name, url=url, sha256=package.hash)
                )
            except MissingError:
                continue
        raise StepError(
            f"the snapshot {package.source} does not have {package.file} any more,"
            " and there is no copy of it here",
            hint="run `builder lock --upgrade`",
        )

    def _locked(self, choice: _Choice) -> LockedPackage:
        """Return a package with its hash. No index has hashes, so the package is downloaded."""
        if choice.locked is not None:
            return choice.locked
        entry = choice.entry
        url = _url(choice.snapshot, entry.file)
        file = self._fetcher.record(entry.file.rpartition("/")[2], url)
        return LockedPackage(
            version=entry.version,
            digest=f"sha256:{file.sha256}",
            source=choice.snapshot,
            file=entry.file,
        )

    # Choosing.

    def _closure(self, query: _Query) -> dict[str, _Choice]:
        """Return a version of each named or needed package; limits are checked afterwards."""
        choices: dict[str, _Choice] = {}
        pending = [(name, "", name) for name in reversed(query.request.names)]
        while pending:
            name, owner, recipe_name = pending.pop()
            if name in choices or name in query.request.inherited or (owner and name in OWN):
                continue
            choices[name] = self._choice(name, owner, recipe_name, query)
            pending += [
                (need.name, name, recipe_name) for need in reversed(choices[name].entry.needs)
            ]
        return choices

    def _choice(self, name: str, owner: str, recipe_name: str, query: _Query) -> _Choice:
        """Return the best version of a package that `recipe_name` needs, which the recipe names."""
        request = query.request
        candidates = list(self._candidates(name, query))
        if not candidates:
            hint = did_you_mean(name, query.index.names)
            raise NoPackageError(
                f"the snapshot {query.snapshot} has no R package {name},"
                f" which {owner or f'recipe {request.target.recipe}'} needs for"
                f" {request.target.id}",
                package=recipe_name,
                hint=hint or "is the name right? Upper and lower case differ",
            )
        fitting = [choice for choice in candidates if meets(request.language("r"), choice.entry.r)]
        if not fitting:
            raise StepError(
                f"{name} {candidates[0].entry.version} needs R {candidates[0].entry.r},"
                f" but {request.target.id} has {request.language('r')}",
                hint="leave it out for this release line of R",
            )
        limit = request.constraints.get(name, "")
        allowed = [choice for choice in fitting if meets(choice.entry.version, limit)]
        if not allowed:
            versions = ", ".join(dict.fromkeys(choice.entry.version for choice in fitting))
            raise StepError(
                f"{name} is pinned to {limit} for {request.target.id},"
                f" but the snapshot {query.snapshot} has {versions}",
                hint="change the pin, or restore the lock that had an older version",
            )
        return allowed[0]

    def _candidates(self, name: str, query: _Query) -> Iterator[_Choice]:
        """Yield versions of a package, the best first; an older one of the lock comes last."""
        preferred, locked = query.request.preferred.get(name), query.request.locked.get(name)
        if preferred is not None and name not in query.moved:
            yield from self._again(name, preferred, is_kept=True)
        elif locked is not None and name not in query.moved and locked.source > query.snapshot:
            # Of a younger snapshot than may be taken now: what is locked stays.
            yield from self._again(name, locked, is_kept=True)
        for entry in query.index.entries(name):
            is_locked = locked and (locked.version, locked.file) == (entry.version, entry.file)
            yield _Choice(
                entry=entry, snapshot=query.snapshot, locked=locked if is_locked else None
            )
        if locked is not None:
            yield from self._again(name, locked)

    def _again(self, name: str, package: LockedPackage, *, is_kept: bool = False) -> list[_Choice]:
        """Return a package of the lock, if the index of its snapshot is still there."""
        index = self._index(package.source, package.file.partition(_CONTRIB)[0])
        entries = index.entries(name) if index else ()
        return [
            _Choice(entry=entry, snapshot=package.source, locked=package, is_kept=is_kept)
            for entry in entries
            if entry.file == package.file
        ]

    def _unfit(self, choices: Mapping[str, _Choice], query: _Query) -> set[str]:
        """Return kept packages that do not fit. Raises StepError if other packages conflict."""
        moved: set[str] = set()
        inherited = query.request.inherited
        for choice in choices.values():
            for need in choice.entry.needs:
                name, entry = need.name, choice.entry
                other = choices.get(name)
                if other is None and name not in inherited:
                    continue  # R's own
                version = other.entry.version if other else inherited[name].version
                if meets(version, need.limit):
                    continue
                if other is not None and other.is_kept:
                    moved.add(name)
                elif choice.is_kept:
                    moved.add(entry.name)
                else:
                    raise self._disagreement(entry, f"{name} {need.limit}", version, query)
        return moved

    def _disagreement(self, entry: Entry, need: str, version: str, query: _Query) -> StepError:
        name = need.partition(" ")[0]
        request = query.request
        if owner := request.introduced_by.get(name):
            conflict, hint = f"{owner} has {version}", f"run `builder lock --upgrade {name}`"
        else:
            conflict, hint = f"the snapshot has {version}", "ask for other versions"
        if name in request.constraints:
            hint = f"{name} is pinned to {request.constraints[name]}"
        return StepError(
            f"{entry.name} {entry.version} needs {need} for {request.target.id}, but {conflict}",
            hint=hint,
        )

    def _fitting(self, name: str, query: _Query) -> list[Entry]:
        return [
            entry
            for entry in query.index.entries(name)
            if meets(query.request.language("r"), entry.r)
        ]

    # The index.

    def _query(self, request: PackageRequest) -> _Query:
        if not request.language("r"):
            raise NoPackageError(
                f"recipe {request.target.recipe} names R packages, but"
                f" {request.target.id} has no R",
                package=request.names[0],
                hint="build it on an image that has the axis r",
            )
        snapshot = self._newest(request.not_after)
        for folder in (_platform(request), ""):
            if index := self._index(snapshot, folder):
                return _Query(request=request, index=index, snapshot=snapshot)
        raise StepError(f"{_SOURCE} has no index of R packages in the snapshot {snapshot}")

    def _newest(self, not_after: str) -> str:
        """Return the newest snapshot that is not too young. A snapshot never changes."""
        if not_after not in self._snapshots:
            try:
                dates = self._fetcher.json(upstream(_SOURCE, _DATES))
                snapshots = sorted(str(date["alias"]) for date in dates)
            except MissingError:
                snapshots = []
            last = not_after[:10]
            old = [snapshot for snapshot in snapshots if not last or snapshot <= last]
            if not_after and not old:
                newest = snapshots[0] if snapshots else "its newest packages"
                self._note(f"{_SOURCE} has no snapshot of {last} or before: {newest} are taken")
            self._snapshots[not_after] = (old or snapshots[:1] or [_LATEST])[-1]
        return self._snapshots[not_after]

    def _index(self, snapshot: str, platform_folder: str) -> RIndex | None:
        """Return the index of a folder in a snapshot; None if there is none."""
        key = (snapshot, platform_folder)
        if key not in self._indexes:
            folder = f"{platform_folder}{_CONTRIB}"
            try:
                text = self._fetcher.text(_url(snapshot, f"{folder}/PACKAGES"), "an index")
                self._indexes[key] = RIndex(text, folder)
            except MissingError:
                self._indexes[key] = None
        return self._indexes[key]


def _url(snapshot: str, path: str) -> str:
    return upstream(_SOURCE, f"cran/{snapshot}/{path}")


def _platform(request: PackageRequest) -> str:
    """Return the folder of a snapshot with the binaries for a target, with a slash at its end."""
    base = request.base
    machine = _MACHINES[request.target.platform.split("/")[1]]
    minor = ".".join(request.language("r").split(".")[:2])
    return f"bin/linux/{CODENAMES.get(base.value, base.value)}-{machine}/{minor}/"
