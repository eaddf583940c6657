"""The packages of Debian that a target adds, chosen by apt and fetched by their hash."""

from __future__ import annotations

import contextlib
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from builder.resolvers.interfaces import said_of

_SHA256 = re.compile(r"^SHA256: ([0-9a-f]{64})$", re.MULTILINE)
_DETAILS = re.compile(r"^(Source|Size): (\S.*)$", re.MULTILINE)
_SOURCE_FIELD = re.compile(r"([a-z0-9][a-z0-9+.-]*)(?: \((\S+)\))?")
_ATTEMPTS = 4  # to let packages move that should stay, before all of them may
_SECURITY = "-security"
_UPDATES = "pool/updates/"  # where the archive of security keeps its packages


class AptResolver:
    """Locks and fetches apt packages. `prepare` returns the private root of a base, with indexes.

    It keeps the index records of packages in `folder`, by hash: apt needs them for installed
    packages, and an archive drops old ones. `locate` returns the location at which a recipe names
    a package.
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
        self._candidates_by_pins: dict[tuple[AptSolver, str], dict[str, Candidate]] = {}

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
        packages = {
            file.name: LockedPackage(
                version=file.version,
                digest=f"sha256:{file.sha256}",
                source=_source(candidates.get(file.name), file.version),
                file=_path(file, archives.values()),
            )
            for file in files
        }
        return self._described(packages, root)

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate."""
        pins = _pins(request.preferred, request.constraints)
        candidates = self._candidates(self._root(request), pins, locked)
        return all(
            name in candidates and candidates[name].version == package.version
            for name, package in locked.items()
        )

    def differing(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, str]:
        """Return what the signed indexes say of packages that they do not state as they are."""
        records = self._root(request).records(
            {name: package.version for name, package in packages.items()}
        )
        said = {
            name: said_of(
                package, [f"sha256:{hex}" for hex in _SHA256.findall(records.get(name, ""))]
            )
            for name, package in packages.items()
        }
        return {name: text for name, text in said.items() if text}

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked. Raises as `resolve` does."""
        cached = {package.hash: self._fetcher.cached(package.hash) for package in packages.values()}
        archives = {} if all(cached.values()) else self._root(request).archives()

        def get(package: LockedPackage) -> Path:
            return cached[package.hash] or self._file(package, archives)

        return dict(zip(packages, in_parallel(get, packages.values()), strict=True))

    def _file(self, package: LockedPackage, archives: Mapping[str, str]) -> Path:
        """Fetch a package, first from the archive that most likely has it."""
        is_update = package.file.startswith(_UPDATES)
        suites = sorted(archives, key=lambda suite: suite.endswith(_SECURITY) is not is_update)
        urls = dict.fromkeys(archives[suite] for suite in suites)
        for url in urls:
            try:
                return self._fetcher.file(
                    RemoteFile(name=package.file_name, url=url + package.file, sha256=package.hash)
                )
            except MissingError:
                continue
        raise StepError(
            f"no archive has {package.file} any more, and there is no copy of it here",
            hint="run `builder lock --upgrade`",
        )

    # Choosing.

    def _check_names(self, request: PackageRequest, root: AptSolver) -> None:
        """Refuse names that apt would not read as one package.

        Raises NoPackageError, or several.
        """
        wanted = [name for name in request.names if name not in request.inherited]
        doubtful = [name for name in wanted if not root.root.has(name, with_virtual=False)]
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
        """Return what apt chooses, and with which pins; preferred packages move if they must."""
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
                in_the_way = error.packages & preferred.keys() if has_time else preferred.keys()
                preferred = {
                    name: package
                    for name, package in preferred.items()
                    if in_the_way and name not in in_the_way
                }

    def _named(self, error: UnsolvableError, request: PackageRequest) -> StepError:
        """Return an error of apt with the target, the recipe and the location of the package."""
        recipe = request.target.recipe
        names = [name for name in request.names if name in error.packages]
        packages = f"{', '.join(names)} of " if names else ""
        return StepError(
            f"{request.target.id}: {error.message} (for {packages}recipe {recipe})",
            hint=f"run `builder lock --upgrade {request.base.axis}`, which takes newer packages of"
            " the base, or remove the package from the recipe",
            location=self._locate(recipe, names[0] if names else "apt"),
        )

    @contextlib.contextmanager
    def _archives(self, request: PackageRequest) -> Iterator[list[str]]:
        """Yield the paths of packages of release lines, with file names that apt accepts."""
        with tempfile.TemporaryDirectory() as folder:
            links = [Path(folder) / file.name for file in request.archives]
            for file, link in zip(request.archives, links, strict=True):
                link.symlink_to(self._fetcher.file(file))
            yield [str(link) for link in links]

    # Roots.

    def _root(self, request: PackageRequest) -> AptSolver:
        """Return the root that also knows the archives of the target's release lines."""
        names = [
            (name, line_request)
            for name, line_request in request.release_lines
            if self._is_apt(name)
        ]
        key = (request.base.id, *(f"{name} {line_request.line}" for name, line_request in names))
        with self._guard:
            if key not in self._prepared:
                root = self._prepare(request.base, request.lock)
                for name, line_request in names:
                    provider = self._providers[name]
                    assert isinstance(provider, AptProvider)
                    source = provider.source(line_request)
                    root = root if source is None else root.with_source(source)
                self._prepared[key] = AptSolver(root)
            return self._prepared[key]

    def _is_apt(self, provider: str) -> bool:
        return isinstance(self._providers.get(provider), AptProvider) and provider != "apt"

    def _candidates(
        self, root: AptSolver, pins: str, names: Iterable[str]
    ) -> Mapping[str, Candidate]:
        """Return what apt would install; apt is asked once for each package."""
        with self._guard:
            candidates = self._candidates_by_pins.setdefault((root, pins), {})
            if missing := [name for name in names if name not in candidates]:
                candidates.update(root.candidates(missing, pins))
            return candidates

    # What is installed.

    def _installed(self, inherited: Mapping[str, LockedPackage], root: AptSolver) -> str:
        """Return the ancestors' packages as paragraphs of dpkg's status."""
        absent = {
            name: package.version
            for name, package in inherited.items()
            if not self._record(package).is_file()
        }
        found = root.records(absent)
        for name, record in found.items():
            write(self._record(inherited[name]), record.encode(), lasting=False)
        stand_ins = self._stand_ins({name: inherited[name] for name in absent.keys() - found}, root)
        records = [
            stand_ins.get(name) or self._record(package).read_text()
            for name, package in inherited.items()
        ]
        return "\n".join(_as_installed(record) for record in records)

    def _stand_ins(self, packages: Mapping[str, LockedPackage], root: AptSolver) -> dict[str, str]:
        """Return paragraphs for packages whose versions the archive no longer has, by name.

        They are installed, with what their current versions provide; what they need is there too.
        """
        current = {name: candidate.version for name, candidate in root.candidates(packages).items()}
        records = root.records(current)
        return {
            name: _stand_in(name, package, records.get(name, ""), current.get(name, ""))
            for name, package in packages.items()
        }

    def _described(
        self, packages: Mapping[str, LockedPackage], root: AptSolver
    ) -> dict[str, LockedPackage]:
        """Return packages with what their index records say of them, and keep these records."""
        records = root.records({name: package.version for name, package in packages.items()})
        for name in packages.keys() & records.keys():
            write(self._record(packages[name]), records[name].encode(), lasting=False)
        return {
            name: _with_source(name, package, records.get(name, ""))
            for name, package in packages.items()
        }

    def _record(self, package: LockedPackage) -> Path:
        return self._folder / package.hash


def _pins(preferred: Mapping[str, LockedPackage], constraints: Mapping[str, str]) -> str:
    """Return pinned and preferred packages as preferences of apt."""
    versions = {name: package.version for name, package in preferred.items()} | dict(constraints)
    return "\n".join(
        f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n"
        for name, version in sorted(versions.items())
    )


def _check_inherited(files: Iterable[AptFile], request: PackageRequest) -> None:
    """Raise AncestorError if a package of an ancestor would get another version."""
    inherited = request.inherited
    changed = [
        file
        for file in files
        if file.name in inherited and inherited[file.name].version != file.version
    ]
    if not changed:
        return
    owners: dict[str, frozenset[str]] = {}
    for file in changed:
        owner = request.introduced_by.get(file.name, "an ancestor")
        owners[owner] = owners.get(owner, frozenset()) | {file.name}
    first = changed[0]
    owner = request.introduced_by.get(first.name, "an ancestor")
    raise AncestorError(
        f"{request.target.id} needs {first.name} {first.version},"
        f" but {owner} has {inherited[first.name].version}",
        hint=f"run `builder lock --upgrade {' '.join(file.name for file in changed)}`",
        owners=owners,
    )


def _source(candidate: Candidate | None, version: str) -> str:
    """Return the suite of a package: the security suite, if that has it."""
    suites = candidate.suites if candidate and candidate.version == version else ()
    security = [suite for suite in suites if suite.endswith(_SECURITY)]
    return (*security, *suites, "/")[0]


def _with_source(name: str, package: LockedPackage, record: str) -> LockedPackage:
    """Return a package with its size and its source package, out of its record in the index.

    A record that names no source package, or no version of it, means its own name and version.
    """
    if not record:
        return package
    fields = dict(_DETAILS.findall(record))
    match = _SOURCE_FIELD.fullmatch(fields.get("Source", name))
    return replace(
        package,
        size=int(fields.get("Size", "0")),
        built_from=match[1] if match else name,
        source_version=(match[2] if match else None) or package.version,
    )


def _path(file: AptFile, archives: Iterable[str]) -> str:
    """Return the path of a file in its archive."""
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
