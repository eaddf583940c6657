"""The packages of Debian that a target adds, chosen by apt and fetched by their hash."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from builder.errors import StepError
from builder.files import write
from builder.model import Base, RemoteFile
from builder.packages import LockedPackage
from builder.ports import BaseLock, LineProvider
from builder.ports_layers import LayerRequest
from builder.resolvers.apt import AptRoot
from builder.resolvers.apt_solver import AptFile, AptSolver, Candidate
from builder.resolvers.fetch import Fetcher, MissingError
from builder.resolvers.repositories import AptLines

_AT_ONCE = 8
_SECURITY = "-security"
_UPDATES = "pool/updates/"  # where the archive of security keeps its packages


class AptLayers:
    """Layers of apt. `prepare` gives the private root of a base, with its indexes.

    Below `folder` it remembers what the indexes said of a package, by its hash: apt needs that of
    what is installed, and an archive drops what is old.
    """

    def __init__(
        self,
        *,
        prepare: Callable[[Base, BaseLock], AptRoot],
        providers: Mapping[str, LineProvider],
        fetcher: Fetcher,
        folder: Path,
    ) -> None:
        self._prepare = prepare
        self._providers = providers
        self._fetcher = fetcher
        self._folder = folder
        self._guard = threading.Lock()
        self._prepared: dict[tuple[str, ...], AptSolver] = {}
        self._known: dict[tuple[AptSolver, str], dict[str, Candidate]] = {}

    def resolve(self, request: LayerRequest) -> Mapping[str, LockedPackage]:
        """What is installed, direct and transitive. Raises StepError, UnreachableError."""
        root, pins = self._root(request), _pins(request)
        installed = self._installed(request.below, root)
        with self._archives(request) as paths:
            files = root.solve([*request.names, *paths], installed=installed, pins=pins)
        for file in files:
            _check_below(file, request)
        candidates = self._candidates(root, pins, [file.name for file in files])
        archives = root.archives()
        found = {
            file.name: LockedPackage(
                version=file.version,
                digest=f"sha256:{file.sha256}",
                source=_source(candidates.get(file.name), file.version),
                file=_path(file, archives.values()),
            )
            for file in files
        }
        self._remember(found, root)
        return found

    def is_newest(self, request: LayerRequest, held: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `held` has a newer candidate."""
        candidates = self._candidates(self._root(request), _pins(request), held)
        return all(
            name in candidates and candidates[name].version == it.version
            for name, it in held.items()
        )

    def fetch(
        self, request: LayerRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """The files of packages on this machine, checked, by package. As `resolve` it raises."""
        kept = {it.hash: self._fetcher.kept(it.hash) for it in packages.values()}
        archives = {} if all(kept.values()) else self._root(request).archives()

        def get(package: LockedPackage) -> Path:
            return kept[package.hash] or self._file(package, archives)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(packages, pool.map(get, packages.values()), strict=True))

    def _file(self, package: LockedPackage, archives: Mapping[str, str]) -> Path:
        """A package, from the archive that it is most likely in: others may have taken it over."""
        is_update = package.file.startswith(_UPDATES)
        suites = sorted(archives, key=lambda suite: suite.endswith(_SECURITY) is not is_update)
        places = dict.fromkeys(archives[suite] for suite in suites)
        for place in places:
            try:
                return self._fetcher.file(
                    RemoteFile(
                        name=package.file_name, url=place + package.file, sha256=package.hash
                    )
                )
            except MissingError:
                continue
        raise StepError(
            f"no archive has {package.file} any more, and it is not kept here",
            hint="run `builder lock --upgrade`",
        )

    @contextlib.contextmanager
    def _archives(self, request: LayerRequest) -> Iterator[list[str]]:
        """The packages that lines come as, as files whose names apt knows for packages."""
        with tempfile.TemporaryDirectory() as folder:
            places = [Path(folder) / file.name for file in request.archives]
            for file, place in zip(request.archives, places, strict=True):
                place.symlink_to(self._fetcher.file(file))
            yield [str(place) for place in places]

    # Roots.

    def _root(self, request: LayerRequest) -> AptSolver:
        """The root that knows what the lines of the lineage bring beside the base's archive."""
        names = [(name, line) for name, line in request.lines if self._is_apt(name)]
        key = (request.base.id, *(f"{name} {line.line}" for name, line in names))
        with self._guard:
            if key not in self._prepared:
                root = self._prepare(request.base, request.lock)
                for name, line in names:
                    provider = self._providers[name]
                    assert isinstance(provider, AptLines)
                    source = provider.source(line)
                    root = root if source is None else root.beside(source)
                self._prepared[key] = AptSolver(root)
            return self._prepared[key]

    def _is_apt(self, provider: str) -> bool:
        return isinstance(self._providers.get(provider), AptLines) and provider != "apt"

    def _candidates(
        self, root: AptSolver, pins: str, names: Iterable[str]
    ) -> Mapping[str, Candidate]:
        """What apt would install, asked once."""
        with self._guard:
            known = self._known.setdefault((root, pins), {})
            if missing := [name for name in names if name not in known]:
                known.update(root.candidates(missing, pins))
            return known

    # What is installed.

    def _installed(self, below: Mapping[str, LockedPackage], root: AptSolver) -> str:
        """The ancestors' packages as paragraphs of dpkg's status."""
        absent = {name: it.version for name, it in below.items() if not self._record(it).is_file()}
        said = root.records(absent)
        if gone := [name for name in absent if name not in said]:
            raise StepError(
                f"the archive does not have {gone[0]} {absent[gone[0]]} any more, which is locked",
                hint="run `builder lock --upgrade`",
            )
        for name in absent:
            write(self._record(below[name]), said[name].encode(), lasting=False)
        records = [self._record(it).read_text() for it in below.values()]
        return "\n".join(_as_installed(record) for record in records)

    def _remember(self, packages: Mapping[str, LockedPackage], root: AptSolver) -> None:
        said = root.records({name: it.version for name, it in packages.items()})
        for name, package in packages.items():
            if name in said:
                write(self._record(package), said[name].encode(), lasting=False)

    def _record(self, package: LockedPackage) -> Path:
        return self._folder / package.hash


def _pins(request: LayerRequest) -> str:
    """What is held, and what should stay, as preferences of apt."""
    versions = {name: it.version for name, it in request.keep.items()} | dict(request.limits)
    return "\n".join(
        f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n"
        for name, version in sorted(versions.items())
    )


def _check_below(file: AptFile, request: LayerRequest) -> None:
    """A child never changes a package of its parent."""
    held = request.below.get(file.name)
    if held is not None and held.version != file.version:
        owner = request.owners.get(file.name, "an ancestor")
        raise StepError(
            f"{request.target.id} needs {file.name} {file.version}, and {owner} has {held.version}",
            hint=f"lock that again: builder lock --upgrade {file.name}",
        )


def _source(candidate: Candidate | None, version: str) -> str:
    """The suite that a package is from: that of security, where it came by that."""
    suites = candidate.suites if candidate and candidate.version == version else ()
    security = [suite for suite in suites if suite.endswith(_SECURITY)]
    return (*security, *suites, "/")[0]


def _path(file: AptFile, archives: Iterable[str]) -> str:
    """Where a file lies in its archive."""
    starts = [url for url in archives if file.url.startswith(url)]
    return file.url.removeprefix(max(starts, key=len, default=""))


def _as_installed(record: str) -> str:
    first, _, rest = record.partition("\n")
    return f"{first}\nStatus: install ok installed\n{rest}"
