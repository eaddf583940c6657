"""The repositories that charts are published to: a folder of static pages, and an OCI registry."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builder.charts import helm_versions
from builder.charts.package import ChartPackage, package_file
from builder.charts.repository import index
from builder.charts.repository.http import PROVENANCE_SUFFIX, ServedRepository, check_scheme
from builder.charts.repository.index import (
    INDEX,
    Entries,
    Index,
    IndexEntry,
    emit_index,
    entry_of,
    parse_index,
    with_entries,
)
from builder.charts.repository.oci_artifact import chart_artifact, package_in
from builder.charts.semver import value_types
from builder.common import limits
from builder.common.errors import BuilderError, ConfigError, ConflictError, Location, raise_all
from builder.common.filelock import exclusive_lock
from builder.common.files import write
from builder.common.hashing import sha256
from builder.common.parallel import by_item, in_parallel
from builder.network.fetcher import Fetcher
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry.interfaces import Registry

OCI = "oci://"
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")  # no hidden one: git and web servers obey some


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A package to publish. `created` is RFC 3339; `provenance` signs it, or is empty."""

    package: ChartPackage
    created: str
    provenance: bytes = b""

    @property
    def entry(self) -> IndexEntry:
        """Return its entry in an index."""
        package = self.package
        return IndexEntry(
            metadata=package.metadata,
            digest=package.digest,
            url=package.file,
            created=self.created,
        )


class FolderRepository:
    """A folder of packages with an index.

    Versions that `served` lists and the folder lacks are downloaded into it, so that the folder
    can replace the served repository. Nothing is written before everything is checked; the index
    is written last, by rename. `others` downloads packages whose URL is outside of the folder.
    """

    def __init__(
        self, *, folder: Path, others: ServedRepository, served: ServedRepository | None = None
    ) -> None:
        self._folder = folder
        self._others = others
        self._served = served
        self._reading = threading.Lock()  # charts are asked for at once, the index is read once

    def newest(self, name: str) -> ChartPackage | None:
        """Return the version that Helm installs by default, or None.

        Raises ConfigError, ConflictError, StepError.
        """
        with self._reading:
            listed = index.newest(self._listed.get(name, ()))
        return None if listed is None else self._package(entry_of(listed))

    def highest(self, name: str) -> str:
        """Return the highest version of a chart, pre-releases included, or ""."""
        with self._reading:
            return _highest(str(listed["version"]) for listed in self._listed.get(name, ()))

    def has_signed(self, package: ChartPackage) -> bool:
        """Whether the folder has the signature of a package."""
        return (self._folder / (package.file + PROVENANCE_SUFFIX)).is_file()

    def add(self, publications: Sequence[Publication], *, generated: str) -> None:
        """Publish. Raises StepError, or ConflictError if another run published meanwhile."""
        entries = with_entries(
            self._listed, [publication.entry for publication in publications], str(self._file)
        )
        for publication in publications:
            self._check_unproved(publication)
        fetched = self._fetched()
        with exclusive_lock(self._folder):
            if _read(self._file, limits.CHART_INDEX) != self._before:
                raise ConflictError(
                    f"another run published to {self._folder} just now",
                    hint="run the command again: it computes new versions",
                )
            for path, data in fetched.items():
                write(path, data)
            write_packages(self._folder, publications)
            if self._before is None or entries != self._own.entries:
                write(self._file, emit_index(entries, generated, self._own.more))

    @property
    def _file(self) -> Path:
        return self._folder / INDEX

    @cached_property
    def _before(self) -> bytes | None:
        """Return the index of the folder as it was at first, or None."""
        return _read(self._file, limits.CHART_INDEX)

    @cached_property
    def _own(self) -> Index:
        """Return the index of the folder, parsed; empty where there is none."""
        return parse_index(self._before, str(self._file)) if self._before is not None else Index()

    @cached_property
    def _served_entries(self) -> list[IndexEntry]:
        """Return the entries of the served repository."""
        entries = self._served.index() if self._served else {}
        return [entry_of(listed) for versions in entries.values() for listed in versions]

    @cached_property
    def _listed(self) -> Entries:
        return with_entries(self._own.entries, self._served_entries, str(self._file))

    def _has(self, entry: IndexEntry) -> bool:
        """Whether the index of the folder lists a version."""
        versions = self._own.entries.get(entry.name, ())
        return any(listed["version"] == entry.version for listed in versions)

    def _package(self, entry: IndexEntry) -> ChartPackage:
        """Return the package of an entry, which must be the version that it lists."""
        location = self._path(entry) or entry.url
        return _checked(
            ChartPackage(data=self._content(entry)), entry.name, entry.version, location
        )

    def _check_unproved(self, publication: Publication) -> None:
        """Raise ConflictError for another package of a version that is listed without a digest."""
        package = publication.package
        for listed in self._listed.get(package.name, ()):
            entry = entry_of(listed)
            is_other = entry.version == package.version and not entry.sha256
            if is_other and self._content(entry) != package.data:
                raise ConflictError(
                    f"chart {entry.name} {entry.version} is already published with other content",
                    hint="the index lists it without a digest",
                    location=_at(self._file),
                )

    def _content(self, entry: IndexEntry) -> bytes:
        """Return the package of an entry, checked against the digest that is listed, if one is."""
        if not entry.url:
            message = f"the index lists {entry.name} {entry.version} without a URL"
            raise ConfigError(message, location=_at(self._file))
        path = self._path(entry)
        if path is None:
            return self._others.package(entry)
        if self._served and not self._has(entry):
            return self._served.package(entry)
        if (data := _read(path)) is None:
            hint = "`--against URL` downloads it from the served repository"
            raise ConfigError(
                f"{INDEX} lists this package, but the file does not exist",
                hint=hint,
                location=_at(path),
            )
        if entry.sha256 and sha256(data) != entry.sha256:
            raise ConflictError(
                f"this is not the package that {INDEX} lists",
                hint=f"listed {entry.sha256}, found {sha256(data)}",
                location=_at(path),
            )
        return data

    def _fetched(self) -> dict[Path, bytes]:
        """Download packages that the folder lacks, and their signatures; return them by path.

        Each is a package of the chart and the version that the index lists, in a file of its name.
        """
        missing = [
            (path, entry)
            for entry in self._served_entries
            if not self._has(entry) and (path := self._path(entry))
        ]
        raise_all([error for path, entry in missing if (error := self._misnamed(path, entry))])
        downloads = in_parallel(lambda pair: self._with_provenance(*pair), missing)
        return {path: data for files in downloads for path, data in files.items() if data}

    def _with_provenance(self, path: Path, entry: IndexEntry) -> dict[Path, bytes]:
        assert self._served is not None
        package = ChartPackage(data=self._served.package(entry))
        _check_listed(package, entry.name, entry.version, entry.url)
        signed = path.with_name(path.name + PROVENANCE_SUFFIX)
        return {path: package.data, signed: self._served.provenance(entry)}

    def _misnamed(self, path: Path, entry: IndexEntry) -> ConfigError | None:
        """Return an error unless a file may be written for an entry that somebody else serves."""
        file = package_file(entry.name, entry.version)
        folders = path.relative_to(self._folder).parts[:-1]
        if path.name == file and all(map(_FOLDER.fullmatch, folders)):
            return None
        return ConfigError(
            f"the index lists {entry.name} {entry.version} as the file {entry.url!r}, and not as"
            f" {file}",
            hint="a package is taken into the folder under that name only; have it served so",
            location=_at(self._file),
        )

    def _path(self, entry: IndexEntry) -> Path | None:
        """Return the path of a package in the folder; None where its URL is elsewhere."""
        url = entry.url.removeprefix(f"{self._served.url}/") if self._served else entry.url
        if "://" in url or not url:
            return None

        def outside(_reason: str) -> ConfigError:
            listed = f"the index lists {entry.name} {entry.version}"
            message = f"{listed} with a path outside the folder: {url}"
            return ConfigError(message, location=_at(self._file))

        return limits.safe_join(self._folder, url, error=outside)


class RegistryRepository:
    """The repositories below `prefix` in an OCI registry: one for each chart, a tag per version."""

    def __init__(self, *, store: Registry, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def newest(self, name: str) -> ChartPackage | None:
        """Return the version that Helm installs by default, or None.

        Raises ConfigError, StepError.
        """
        version = helm_versions.newest(self._versions(name), str)
        if version is None:
            return None
        reference = self._repository(name).with_tag(helm_versions.tag_of(version))
        artifact = self._store.get(reference)
        if artifact is None:
            return None
        return _checked(package_in(artifact, str(reference)), name, version, str(reference))

    def highest(self, name: str) -> str:
        """Return the highest version of a chart, pre-releases included, or ""."""
        return _highest(self._versions(name))

    def _versions(self, name: str) -> list[str]:
        """Return the versions that Helm reads from the tags of a chart."""
        tags = self._store.tags(self._repository(name).name)
        return [version for tag in tags if (version := helm_versions.version_of(tag))]

    def has_signed(self, package: ChartPackage) -> bool:
        """Whether a package needs no signature: a tag never moves, so none can be added."""
        return True

    def add(self, publications: Sequence[Publication], *, generated: str) -> None:
        """Push. Raises ConflictError, before anything is pushed, if a tag exists."""
        publication_of = {
            self._repository(publication.package.name).with_tag(
                helm_versions.tag_of(publication.package.version)
            ): publication
            for publication in publications
        }
        hint = "run the command again: it computes a new version"
        raise_all(
            [
                ConflictError(f"{reference} exists already", hint=hint)
                for reference, digest in by_item(self._store.digest, publication_of).items()
                if digest is not None
            ]
        )
        in_parallel(lambda pair: self._push(*pair), publication_of.items())

    def _push(self, reference: Reference, publication: Publication) -> None:
        self._store.put(chart_artifact(publication.package, publication.provenance), reference)

    def _repository(self, name: str) -> Reference:
        return parse_reference(f"{self._prefix}/{name}")


def repository_at(
    to: str, *, against: str, store: Registry, fetcher: Fetcher
) -> FolderRepository | RegistryRepository:
    """Return the repository `to`: a folder, or oci://registry/path.

    `against` is the URL where a folder is served now, or "". Raises ConfigError.
    """
    if against and not against.startswith(("http://", "https://")):
        hint = "give the URL at which the folder is served: --against https://…"
        raise ConfigError(f"--against {against} is not a URL", hint=hint)
    check_scheme(against)
    if not to.startswith(OCI):
        if "://" in to:
            hint = f"`--to FOLDER`, which is served as static pages, or `--to {OCI}REGISTRY/PATH`"
            raise ConfigError(f"charts cannot be published to {to}", hint=hint)
        return FolderRepository(
            folder=Path(to),
            others=ServedRepository(url="", fetcher=fetcher),
            served=ServedRepository(url=against, fetcher=fetcher) if against else None,
        )
    if against:
        hint = "leave it out: a registry lists its own charts"
        raise ConfigError("--against works only with a folder", hint=hint)
    prefix = to.removeprefix(OCI).rstrip("/")
    if (name := parse_reference(prefix).name) != prefix:
        raise ConfigError(
            f"{to} names one version of a chart, not a repository", hint=f"{OCI}{name}"
        )
    return RegistryRepository(store=store, prefix=prefix)


def write_packages(folder: Path, publications: Sequence[Publication]) -> None:
    """Write packages, and their signatures if they have one."""
    for publication in publications:
        write(folder / publication.package.file, publication.package.data)
        if publication.provenance:
            write(folder / (publication.package.file + PROVENANCE_SUFFIX), publication.provenance)


def _highest(versions: Iterable[str]) -> str:
    valid = (version for version in versions if helm_versions.parse(version))
    return max(valid, key=helm_versions.rank, default="")


def _checked(package: ChartPackage, name: str, version: str, source: object) -> ChartPackage:
    """Return a package that can be compared with others. Raises ConfigError with its place."""
    location = Location(file=str(source))
    try:
        value_types(package.files)
    except BuilderError as error:
        message = f"chart {name} {version} cannot be compared: {error.message}"
        raise ConfigError(message, hint=error.hint, location=location) from error
    _check_listed(package, name, version, source)
    return package


def _check_listed(package: ChartPackage, name: str, version: str, source: object) -> None:
    """Raise ConfigError unless a package is the chart and the version that an index lists."""
    location = Location(file=str(source))
    try:
        about = package.metadata
    except BuilderError as error:
        raise ConfigError(error.message, hint=error.hint, location=location) from error
    if (about.get("name"), about.get("version")) != (name, version):
        raise ConfigError(
            f"this package is listed as chart {name} {version}, but its Chart.yaml says "
            f"{about.get('name', 'no name')} {about.get('version', 'and no version')}",
            hint="publish it again under its own version, or delete it from the repository",
            location=location,
        )


def _read(path: Path, limit: int = limits.CHART_PACKAGE) -> bytes | None:
    return limits.read_file(path, limit, error=ConfigError) if path.is_file() else None


def _at(path: Path) -> Location:
    return Location(file=str(path))
