"""The R packages that a target adds: of a dated snapshot of Package Manager, by their hash."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
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
"""The packages that R brings itself: its base, and those that it recommends."""


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """A version of a package in a snapshot; `locked` is it, if the lock has it already."""

    entry: Entry
    snapshot: str
    locked: LockedPackage | None = None
    is_kept: bool = False


@dataclass(kw_only=True)
class _Asked:
    """A request with the index that it is answered from; what is in `moved` may not be kept."""

    request: PackageRequest
    index: RIndex
    snapshot: str
    moved: set[str] = field(default_factory=set)


class RResolver:
    """Layers of R packages. A package's `source` is the snapshot, its `file` a path in that.

    Package Manager has binaries for many a Debian, by the machine and R's minor version, and the
    source of what it did not build. A mirror that knows no snapshots is asked for its latest.
    """

    def __init__(self, *, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._guard = threading.Lock()
        self._snapshot = ""
        self._indexes: dict[tuple[str, str], RIndex | None] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError."""
        with self._guard:  # what several targets ask for is fetched once
            asked = self._asked(request)
            found = self._closure(asked)
            while moved := self._unfit(found, asked):
                asked.moved |= moved
                found = self._closure(asked)
            locked = in_parallel(self._locked, found.values())
        packages = dict(zip(found, locked, strict=True))
        return dict(sorted(packages.items()))

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate."""
        with self._guard:
            asked = self._asked(request)
        return all(
            it.version == next((entry.version for entry in self._fitting(name, asked)), "")
            for name, it in locked.items()
        )

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked. Raises as `resolve` does."""
        return dict(zip(packages, in_parallel(self._file, packages.items()), strict=True))

    def _file(self, item: tuple[str, LockedPackage]) -> Path:
        """Fetch a package from its snapshot, or from where a repository keeps older sources."""
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
            " and it is not kept here",
            hint="run `builder lock --upgrade`",
        )

    def _locked(self, choice: _Choice) -> LockedPackage:
        """Return a package with its hash. No index has that: the package is fetched for it."""
        if choice.locked is not None:
            return choice.locked
        entry = choice.entry
        url = _url(choice.snapshot, entry.file)
        found = self._fetcher.record(entry.file.rpartition("/")[2], url)
        return LockedPackage(
            version=entry.version,
            digest=f"sha256:{found.sha256}",
            source=choice.snapshot,
            file=entry.file,
        )

    # Choosing.

    def _closure(self, asked: _Asked) -> dict[str, _Choice]:
        """Return a version of each package that is named or needed, limits of needs aside."""
        found: dict[str, _Choice] = {}
        wanted = [(name, "", name) for name in reversed(asked.request.names)]
        while wanted:
            name, owner, named = wanted.pop()
            if name in found or name in asked.request.inherited or (owner and name in OWN):
                continue
            found[name] = self._choice(name, owner, named, asked)
            wanted += [(need.name, name, named) for need in reversed(found[name].entry.needs)]
        return found

    def _choice(self, name: str, owner: str, named: str, asked: _Asked) -> _Choice:
        """Return the version of a package to take; the recipe names `named`, which needs it."""
        request = asked.request
        there = list(self._candidates(name, asked))
        if not there:
            hint = did_you_mean(name, asked.index.names)
            raise NoPackageError(
                f"the snapshot {asked.snapshot} has no R package {name},"
                f" which {owner or f'recipe {request.target.recipe}'} needs for"
                f" {request.target.id}",
                package=named,
                hint=hint or "is its name right? capitals count",
            )
        fitting = [it for it in there if meets(request.language("r"), it.entry.r)]
        if not fitting:
            raise StepError(
                f"{name} {there[0].entry.version} needs R {there[0].entry.r},"
                f" and {request.target.id} has {request.language('r')}",
                hint="leave it out for this line of R",
            )
        limit = request.constraints.get(name, "")
        allowed = [it for it in fitting if meets(it.entry.version, limit)]
        if not allowed:
            versions = ", ".join(dict.fromkeys(it.entry.version for it in fitting))
            raise StepError(
                f"{name} is held to {limit} for {request.target.id},"
                f" and the snapshot {asked.snapshot} has {versions}",
                hint="hold it to what is there, or restore the lock that had an older one",
            )
        return allowed[0]

    def _candidates(self, name: str, asked: _Asked) -> Iterator[_Choice]:
        """Yield versions of a package, the one to take first; an older one of the lock is last."""
        preferred, locked = asked.request.preferred.get(name), asked.request.locked.get(name)
        if preferred is not None and name not in asked.moved:
            yield from self._again(name, preferred, is_kept=True)
        for entry in asked.index.entries(name):
            is_locked = locked and (locked.version, locked.file) == (entry.version, entry.file)
            yield _Choice(
                entry=entry, snapshot=asked.snapshot, locked=locked if is_locked else None
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

    def _unfit(self, found: Mapping[str, _Choice], asked: _Asked) -> set[str]:
        """Return what was kept and does not fit others. Raises StepError for what cannot move."""
        moved: set[str] = set()
        inherited = asked.request.inherited
        for choice in found.values():
            for need in choice.entry.needs:
                name, entry = need.name, choice.entry
                other = found.get(name)
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
                    raise self._disagreement(entry, f"{name} {need.limit}", version, asked)
        return moved

    def _disagreement(self, entry: Entry, need: str, version: str, asked: _Asked) -> StepError:
        name = need.partition(" ")[0]
        request = asked.request
        if owner := request.introduced_by.get(name):
            has, hint = f"{owner} has {version}", f"lock that again: builder lock --upgrade {name}"
        else:
            has, hint = f"{version} is what there is", "ask for other versions"
        if name in request.constraints:
            hint = f"{name} is held to {request.constraints[name]}"
        return StepError(
            f"{entry.name} {entry.version} needs {need} for {request.target.id}, and {has}",
            hint=hint,
        )

    def _fitting(self, name: str, asked: _Asked) -> list[Entry]:
        return [it for it in asked.index.entries(name) if meets(asked.request.language("r"), it.r)]

    # The index.

    def _asked(self, request: PackageRequest) -> _Asked:
        if not request.language("r"):
            raise NoPackageError(
                f"{request.target.id} names packages of R, and has no R",
                package=request.names[0],
                hint="build it on an image that has the axis r",
            )
        snapshot = self._newest()
        for place in (_platform(request), ""):
            if index := self._index(snapshot, place):
                return _Asked(request=request, index=index, snapshot=snapshot)
        raise StepError(f"{_SOURCE} has no index of R packages in the snapshot {snapshot}")

    def _newest(self) -> str:
        """Return the newest snapshot. A snapshot never changes."""
        if not self._snapshot:
            try:
                dates = self._fetcher.json(upstream(_SOURCE, _DATES))
                self._snapshot = max((str(it["alias"]) for it in dates), default=_LATEST)
            except MissingError:
                self._snapshot = _LATEST
        return self._snapshot

    def _index(self, snapshot: str, place: str) -> RIndex | None:
        """Return the index of a folder in a snapshot; None if there is none."""
        key = (snapshot, place)
        if key not in self._indexes:
            folder = f"{place}{_CONTRIB}"
            try:
                text = self._fetcher.text(_url(snapshot, f"{folder}/PACKAGES"), "an index")
                self._indexes[key] = RIndex(text, folder)
            except MissingError:
                self._indexes[key] = None
        return self._indexes[key]


def _url(snapshot: str, path: str) -> str:
    return upstream(_SOURCE, f"cran/{snapshot}/{path}")


def _platform(request: PackageRequest) -> str:
    """Return where a snapshot has the binaries for a target, with a slash at the end."""
    base = request.base
    machine = _MACHINES[request.target.platform.split("/")[1]]
    minor = ".".join(request.language("r").split(".")[:2])
    return f"bin/linux/{CODENAMES.get(base.value, base.value)}-{machine}/{minor}/"
