"""The packages of Debian that a target adds, chosen by apt and fetched by their hash."""

from __future__ import annotations

import contextlib
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from builder.catalog.models import Base, RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common.errors import Location, StepError, raise_all
from builder.common.files import write
from builder.common.parallel import in_parallel
from builder.lock.interfaces import AncestorError, PackageRequest, Provider
from builder.lock.lockfile import BaseLock
from builder.network.fetcher import Fetcher, MissingError
from builder.resolvers.apt.missing import missing_package
from builder.resolvers.apt.providers import AptProvider
from builder.resolvers.apt.root import AptRoot
from builder.resolvers.apt.solver import AptFile, AptSolver, Candidate, UnsolvableError

_ATTEMPTS = 4  # to let packages move that should stay, before all of them may
_SECURITY = "-security"
_UPDATES = "pool/updates/"  # where the archive of security keeps its packages


class AptResolver:
    """Layers of apt. `prepare` gives the private root of a base, with its indexes.

    Below `folder` it remembers what the indexes said of a package, by its hash: apt needs that of
    what is installed, and an archive drops what is old. `locate` says where a recipe names a
    package.
    """

    def __init__(
        self,
        *,
        prepare: Callable[[Base, BaseLock], AptRoot],
        providers: Mapping[str, Provider],
        fetcher: Fetcher,
        folder: Path,
        locate: Callable[[str, str], Location],
    ) -> None:
        self._prepare = prepare
        self._providers = providers
        self._fetcher = fetcher
        self._folder = folder
        self._locate = locate
        self._guard = threading.Lock()
        self._prepared: dict[tuple[str, ...], AptSolver] = {}
        self._known: dict[tuple[AptSolver, str], dict[str, Candidate]] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError."""
        root = self._root(request)
        self._check_names(request, root)
        installed = self._installed(request.inherited, root)
        with self._archives(request) as paths:
            files, pins = self._solve([*request.names, *paths], request, root, installed)
        _check_inherited(files, request)
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

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate."""
        pins = _pins(request.preferred, request.constraints)
        candidates = self._candidates(self._root(request), pins, locked)
        return all(
            name in candidates and candidates[name].version == it.version
            for name, it in locked.items()
        )

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked. Raises as `resolve` does."""
        kept = {it.hash: self._fetcher.cached(it.hash) for it in packages.values()}
        archives = {} if all(kept.values()) else self._root(request).archives()

        def get(package: LockedPackage) -> Path:
            return kept[package.hash] or self._file(package, archives)

        return dict(zip(packages, in_parallel(get, packages.values()), strict=True))

    def _file(self, package: LockedPackage, archives: Mapping[str, str]) -> Path:
        """Fetch a package, first from the archive that most likely has it."""
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

    # Choosing.

    def _check_names(self, request: PackageRequest, root: AptSolver) -> None:
        """Refuse what apt would not take for the name of one package.

        Raises NoPackageError, or several.
        """
        asked = [name for name in request.names if name not in request.inherited]
        doubtful = [name for name in asked if not root.root.has(name, with_virtual=False)]
        missing = root.root.missing(doubtful)
        recipe, target = request.target.recipe, request.target.id
        raise_all([
            missing_package(
                root=root.root, name=name, base=request.base.id, recipe=recipe, target=target,
                location=self._locate(recipe, name),
            )
            for name in missing
        ])  # fmt: skip

    def _solve(
        self, packages: Sequence[str], request: PackageRequest, root: AptSolver, installed: str
    ) -> tuple[tuple[AptFile, ...], str]:
        """Return what apt chooses, and with which pins. What should stay and cannot moves."""
        preferred, attempts = dict(request.preferred), 0
        while True:
            pins = _pins(preferred, request.constraints)
            try:
                return root.solve(packages, installed=installed, pins=pins), pins
            except UnsolvableError as error:
                if not preferred:
                    raise self._named(error, request) from None
                attempts += 1
                has_time = attempts < _ATTEMPTS
                stuck = error.packages & preferred.keys() if has_time else preferred.keys()
                preferred = {
                    name: it for name, it in preferred.items() if stuck and name not in stuck
                }

    def _named(self, error: UnsolvableError, request: PackageRequest) -> StepError:
        """Return an error of apt with the target, the recipe and the place of a package in it."""
        recipe = request.target.recipe
        named = [name for name in request.names if name in error.packages]
        packages = f"{', '.join(named)} of " if named else ""
        return StepError(
            f"{request.target.id}: {error.message} (for {packages}recipe {recipe})",
            hint=f"take what is newer of what it stands on: builder lock --upgrade"
            f" {request.base.axis}, or take it out of the recipe",
            location=self._locate(recipe, named[0] if named else "apt"),
        )

    @contextlib.contextmanager
    def _archives(self, request: PackageRequest) -> Iterator[list[str]]:
        """Yield the packages that release lines come as, with names that apt takes for packages."""
        with tempfile.TemporaryDirectory() as folder:
            places = [Path(folder) / file.name for file in request.archives]
            for file, place in zip(request.archives, places, strict=True):
                place.symlink_to(self._fetcher.file(file))
            yield [str(place) for place in places]

    # Roots.

    def _root(self, request: PackageRequest) -> AptSolver:
        """Return the root that also knows the archives of the release lines of the lineage."""
        names = [(name, line) for name, line in request.release_lines if self._is_apt(name)]
        key = (request.base.id, *(f"{name} {line.line}" for name, line in names))
        with self._guard:
            if key not in self._prepared:
                root = self._prepare(request.base, request.lock)
                for name, line in names:
                    provider = self._providers[name]
                    assert isinstance(provider, AptProvider)
                    source = provider.source(line)
                    root = root if source is None else root.beside(source)
                self._prepared[key] = AptSolver(root)
            return self._prepared[key]

    def _is_apt(self, provider: str) -> bool:
        return isinstance(self._providers.get(provider), AptProvider) and provider != "apt"

    def _candidates(
        self, root: AptSolver, pins: str, names: Iterable[str]
    ) -> Mapping[str, Candidate]:
        """Return what apt would install; each package is asked for once."""
        with self._guard:
            known = self._known.setdefault((root, pins), {})
            if missing := [name for name in names if name not in known]:
                known.update(root.candidates(missing, pins))
            return known

    # What is installed.

    def _installed(self, inherited: Mapping[str, LockedPackage], root: AptSolver) -> str:
        """Return the ancestors' packages as paragraphs of dpkg's status."""
        absent = {
            name: it.version for name, it in inherited.items() if not self._record(it).is_file()
        }
        said = root.records(absent)
        for name, record in said.items():
            write(self._record(inherited[name]), record.encode(), lasting=False)
        stand_ins = self._stand_ins({name: inherited[name] for name in absent.keys() - said}, root)
        records = [
            stand_ins.get(name) or self._record(it).read_text() for name, it in inherited.items()
        ]
        return "\n".join(_as_installed(record) for record in records)

    def _stand_ins(self, packages: Mapping[str, LockedPackage], root: AptSolver) -> dict[str, str]:
        """Return paragraphs for packages whose versions the archive no longer has, by name.

        They are there, and provide what they do now. What they need they have got.
        """
        now = {name: it.version for name, it in root.candidates(packages).items()}
        records = root.records(now)
        return {
            name: _stand_in(name, package, records.get(name, ""), now.get(name, ""))
            for name, package in packages.items()
        }

    def _remember(self, packages: Mapping[str, LockedPackage], root: AptSolver) -> None:
        said = root.records({name: it.version for name, it in packages.items()})
        for name, package in packages.items():
            if name in said:
                write(self._record(package), said[name].encode(), lasting=False)

    def _record(self, package: LockedPackage) -> Path:
        return self._folder / package.hash


def _pins(preferred: Mapping[str, LockedPackage], constraints: Mapping[str, str]) -> str:
    """Return what is pinned, and what should stay, as preferences of apt."""
    versions = {name: it.version for name, it in preferred.items()} | dict(constraints)
    return "\n".join(
        f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n"
        for name, version in sorted(versions.items())
    )


def _check_inherited(files: Iterable[AptFile], request: PackageRequest) -> None:
    """Raise AncestorError if a package of an ancestor would get another version."""
    inherited = request.inherited
    others = [
        it for it in files if it.name in inherited and inherited[it.name].version != it.version
    ]
    if not others:
        return
    owners: dict[str, frozenset[str]] = {}
    for file in others:
        owner = request.introduced_by.get(file.name, "an ancestor")
        owners[owner] = owners.get(owner, frozenset()) | {file.name}
    first = others[0]
    owner = request.introduced_by.get(first.name, "an ancestor")
    raise AncestorError(
        f"{request.target.id} needs {first.name} {first.version},"
        f" and {owner} has {inherited[first.name].version}",
        hint=f"lock that again: builder lock --upgrade {' '.join(it.name for it in others)}",
        owners=owners,
    )


def _source(candidate: Candidate | None, version: str) -> str:
    """Return the suite that a package is from: that of security, if it came by that."""
    suites = candidate.suites if candidate and candidate.version == version else ()
    security = [suite for suite in suites if suite.endswith(_SECURITY)]
    return (*security, *suites, "/")[0]


def _path(file: AptFile, archives: Iterable[str]) -> str:
    """Return where a file lies in its archive."""
    starts = [url for url in archives if file.url.startswith(url)]
    return file.url.removeprefix(max(starts, key=len, default=""))


def _as_installed(record: str) -> str:
    first, _, rest = record.partition("\n")
    return f"{first}\nStatus: install ok installed\n{rest}"


def _stand_in(name: str, package: LockedPackage, record: str, version: str) -> str:
    """Return a paragraph of a package, out of the `record` of another `version` of it, if any."""
    fields = dict(re.findall(r"^(Architecture|Multi-Arch|Provides): (.*)$", record, re.MULTILINE))
    fields.setdefault("Architecture", package.file_name.removesuffix(".deb").rpartition("_")[2])
    if "Provides" in fields and version:
        fields["Provides"] = fields["Provides"].replace(f"(= {version})", f"(= {package.version})")
    lines = [f"Package: {name}", f"Version: {package.version}"]
    return "\n".join([*lines, *(f"{key}: {value}" for key, value in fields.items())]) + "\n"
