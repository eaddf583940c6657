"""Finds the catalogs that a catalog stands on: those of `extends`, and what these stand on.

The order is that of a walk in depth, the lowest first; a catalog that is reached twice counts once.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from builder.catalog import yaml_document as documents
from builder.catalog.models import Network
from builder.catalog.policies import Extends, Standing
from builder.catalog.schema_check import validate
from builder.catalog.yaml_document import Document
from builder.common.errors import (
    BuilderError,
    ConfigError,
    Location,
    SelectionError,
    raise_all,
    reading,
)
from builder.common.hashing import digest_of
from builder.common.mappings import mapping
from builder.common.source_content import content_in
from builder.common.state_dir import StateDir
from builder.common.text import did_you_mean, one_line
from builder.common.version import VERSION
from builder.lock import lockfile as locks
from builder.lock.pinned import PinnedCatalog
from builder.overlay.clashes import StackedFile, left_out
from builder.overlay.kept_catalogs import (
    FoundSource,
    KeptCatalogs,
    UnsafeSourceError,
    check_pin,
    unsafe,
)
from builder.overlay.source_catalogs import MATRIX, CatalogFiles, SourceCatalog

_DEEPEST = 8  # catalogs that stand on one another
_MOST = 32  # catalogs that one stands on


class Upstreams(Protocol):
    """Where catalogs are fetched. Every method raises BuilderError and UnsafeSourceError."""

    def fetch(self, pin: PinnedCatalog) -> FoundSource:
        """Return what is pinned; the caller compares it with the pin."""

    def newest(self, extends: Extends) -> tuple[PinnedCatalog, FoundSource]:
        """Return what is to be pinned now, with its files."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How catalogs below are found.

    Without `upstreams` nothing is fetched: what was fetched before is used. With `pins`, what
    matrix.lock does not pin is looked up, and its content taken. `given` are folders in place of
    catalogs, by their names. `chosen` are pins that count instead of those of the own matrix.lock.
    """

    upstreams: Upstreams | None = None
    pins: bool = False
    given: Mapping[str, Path] = field(default_factory=dict)
    chosen: Mapping[str, PinnedCatalog] = field(default_factory=dict)


KEPT = Finding()
VENDORED = "upstreams"
"""The folder of a repository that has copies of the catalogs below."""


def read_catalogs(root: Path, finding: Finding = KEPT) -> CatalogFiles:
    """Return the catalog in a folder with those that it stands on.

    Raises ConfigError where one of them is not there, or they stand on one another in a circle.
    """
    stack = _Stack(root, finding)
    stack.add(_Reached(catalog=SourceCatalog(name="", root=root)), (), Location(file=MATRIX))
    names = [item.name for item in stack.catalogs[:-1]]
    for name in finding.given:
        if name not in names:
            message = f"no catalog below is called {name!r}"
            raise SelectionError(message, hint=did_you_mean(name, names), id="E-NAME-UNKNOWN")
    return CatalogFiles(catalogs=stack.counting(), pins=stack.pins, notes=tuple(stack.notes))


def network_of(root: Path) -> Network:
    """Return how the catalog in a folder reaches the network, by what its own file says.

    What is wrong there is told where the catalog is read.
    """
    own = SourceCatalog(name="", root=root)
    if not own.has(MATRIX):
        return Network()
    with reading(MATRIX):
        document, _ = documents.load(own.text(MATRIX), MATRIX)
    said = mapping(document.data, "network")
    network, _ = validate(replace(document, data=dict(said)), Network)
    return network or Network()


def newest_pins(root: Path, upstreams: Upstreams, ref: str = "") -> dict[str, PinnedCatalog]:
    """Return what the catalog in a folder is to pin now, by name: all that is no folder.

    `ref` takes the place of that of matrix.yaml. What is found is kept. Raises ConfigError.
    """
    own = SourceCatalog(name="", root=root)
    with reading(MATRIX):
        document, _ = documents.load(own.text(MATRIX), MATRIX)
    kept, pins = KeptCatalogs(StateDir.of(root).upstreams), dict[str, PinnedCatalog]()
    for extends, location in _extends_of(document):
        if not extends.is_pinned:
            continue
        name = one_line(extends.default_name)
        try:
            pin, found = upstreams.newest(replace(extends, ref=ref or extends.ref))
        except (BuilderError, UnsafeSourceError) as error:
            raise _unfetched(name, error, location) from error
        kept.keep(name, found, location)
        pins[name] = replace(pin, source=extends.source)
    return pins


@dataclass(frozen=True, kw_only=True)
class _Reached:
    """A catalog that was reached: where it comes from, and the name of the one that stands on it.

    `pin` is None for a folder.
    """

    catalog: SourceCatalog
    place: tuple[str, ...] = ()
    pin: PinnedCatalog | None = None
    by: str = ""

    @property
    def content(self) -> str:
        return self.pin.content if self.pin else ""


class _Stack:
    def __init__(self, root: Path, finding: Finding) -> None:
        self._own = SourceCatalog(name="", root=root)
        self._finding = finding
        self._kept = KeptCatalogs(StateDir.of(root).upstreams)
        self._reached: list[_Reached] = []
        self._stacked: list[StackedFile] = []
        self.catalogs: list[SourceCatalog] = []
        self.pins: dict[str, PinnedCatalog] = {}
        self.notes: list[str] = []

    @cached_property
    def _own_pins(self) -> Mapping[str, PinnedCatalog]:
        return {**_pins_of(self._own), **self._finding.chosen}

    def counting(self) -> tuple[SourceCatalog, ...]:
        """Return the catalogs, each without what another one is to say. Raises ConfigError."""
        if len(self.catalogs) < 3:  # no two beside one another
            return tuple(self.catalogs)
        paths, errors = left_out(self._stacked)
        raise_all(errors)
        return tuple(
            replace(item, left_out=paths[item.name]) if paths.get(item.name) else item
            for item in self.catalogs
        )

    def add(self, reached: _Reached, above: tuple[_Reached, ...], at: Location) -> None:
        """Add a catalog, after those that it stands on; `above` are those that stand on it."""
        if len(above) > _DEEPEST or len(self._reached) > _MOST:
            most = _DEEPEST if len(above) > _DEEPEST else _MOST
            message = f"more than {most} catalogs stand on one another"
            hint = "write some of them as one: `builder flatten --out alone`"
            raise ConfigError(message, hint=hint, location=at, id="E-CATALOG-DEPTH")
        catalog = reached.catalog
        if not catalog.has(MATRIX):
            self.catalogs.append(catalog)
            return
        file = f"{catalog.label}{MATRIX}"
        with reading(file):
            document, _ = documents.load(catalog.text(MATRIX), file)
        if not catalog.name:
            own = mapping(document.data, "catalog").get("name")
            catalog = replace(catalog, name=own if isinstance(own, str) else catalog.root.name)
        _check_builder(document, catalog.name)
        reached = replace(reached, catalog=catalog)
        self._reached.append(reached)
        direct = {
            self._add_below(extends, location, (*above, reached))
            for extends, location in _extends_of(document)
        }
        below = direct.union(*(item.below for item in self._stacked if item.name in direct))
        self._stacked.append(
            StackedFile(name=catalog.name, document=document, below=frozenset(below))
        )
        self.catalogs.append(replace(catalog, below=frozenset(below)))

    def _add_below(self, extends: Extends, location: Location, above: tuple[_Reached, ...]) -> str:
        """Add a catalog that the last one of `above` stands on, unless it was reached already.

        Returns its name.
        """
        by = above[-1]
        extends = _of_same_repository(extends, by, location)
        below = self._found(extends, by, location)
        _check_circle(below.catalog, location, above)
        if already := self._reached_as(below, location):
            return already
        name = below.catalog.name
        if name in [item.catalog.name for item in self._reached]:
            raise ConfigError(
                f"two catalogs are called {name!r}",
                hint="give this one another name here: `extends: {name: NAME, path: …}`",
                location=location,
                id="E-CATALOG-NAME",
            )
        if not below.catalog.has(MATRIX):
            raise ConfigError(
                f"catalog {name} has no {MATRIX} in {below.catalog.root}",
                hint="`path` is the folder of a catalog, seen from the folder of this file",
                location=location,
                id="E-CATALOG-MISSING",
            )
        if self._finding.pins and below.pin is None and by is above[0]:
            self.pins[name] = pin_of_folder(below.catalog, extends)
        self.add(below, above, location)
        return name

    def _found(self, extends: Extends, by: _Reached, location: Location) -> _Reached:
        """Return the catalog that an entry of `extends` names, fetched where that is needed."""
        folder = (by.catalog.root / extends.path).resolve()
        default = extends.default_name if extends.is_pinned else extends.name or folder.name
        name = one_line(default)
        place: tuple[str, ...] = (str(folder),)
        pin = None
        if name in self._finding.given:
            folder = self._finding.given[name].resolve()
            place = (str(folder),)
            self.notes.append(f"catalog {name} is read from {folder}, whatever is locked")
        elif extends.is_pinned:
            folder, pin = self._pinned(name, extends, by, location)
            place = (extends.git or extends.oci, posixpath.normpath(extends.path or "."))
        catalog = SourceCatalog(name=name, root=folder, label=f"{name}:", is_kept=pin is not None)
        return _Reached(catalog=catalog, place=place, pin=pin, by=by.catalog.name)

    def _reached_as(self, below: _Reached, location: Location) -> str:
        """Return the name by which a catalog counts already, "" where it does not.

        Raises ConfigError where it does with other content.
        """
        for item in self._reached:
            if below.content and item.content == below.content:
                return item.catalog.name
            if item.place != below.place:
                continue
            if item.content == below.content:
                return item.catalog.name
            raise ConfigError(
                f"catalog {below.place[0]} is reached with two contents: by {item.by} and by"
                f" {below.by}",
                hint="name the same `ref` in both, or wait until both stand on the same one",
                location=location,
                id="E-CATALOG-TWICE",
            )
        return ""

    # What is pinned.

    def _pinned(
        self, name: str, extends: Extends, by: _Reached, location: Location
    ) -> tuple[Path, PinnedCatalog]:
        """Return the copy of a catalog that is not a folder, and what pins it."""
        pin = self._pin(name, extends, by)
        if pin is None:
            return self._newly_pinned(name, extends, location)
        if folder := self._kept.find(name, pin, location) or self._vendored(name, pin):
            return folder, pin
        upstreams = self._finding.upstreams
        if upstreams is None:
            raise ConfigError(
                f"{name} was not fetched yet",
                hint="run a command that may reach it, such as `builder plan` without `--offline`",
                location=location,
                id="E-CATALOG-UNREACHABLE",
            )
        try:
            found = upstreams.fetch(pin)
        except (BuilderError, UnsafeSourceError) as error:
            raise _unfetched(name, error, location) from error
        check_pin(name, found, pin, location)
        return self._kept.keep(name, found, location), pin

    def _vendored(self, name: str, pin: PinnedCatalog) -> Path | None:
        """Return the copy of what is pinned in the own repository, None where there is none."""
        folder = self._own.root / VENDORED / name
        if not (folder / MATRIX).is_file():
            return None
        copy = SourceCatalog(name=name, root=folder, is_kept=True)
        lock = copy.checkout.read(folder / locks.FILE) if copy.has(locks.FILE) else b""
        found = (content_in(copy.checkout), digest_of(lock) if lock else "")
        return folder if found == (pin.content, pin.lock) else None

    def _pin(self, name: str, extends: Extends, by: _Reached) -> PinnedCatalog | None:
        """Return what the catalog pins that stands on it, or else the own one."""
        if by is not self._reached[0]:
            pin = _pins_of(by.catalog).get(name)
            if pin is not None and pin.source == extends.source:
                return pin
        pin = self._own_pins.get(name)
        if pin is None or pin.source != extends.source:
            return None
        self.pins[name] = pin
        return pin

    def _newly_pinned(
        self, name: str, extends: Extends, location: Location
    ) -> tuple[Path, PinnedCatalog]:
        upstreams = self._finding.upstreams
        if upstreams is None or not self._finding.pins:
            raise ConfigError(
                f"matrix.lock does not say which content of {name} counts",
                hint="run `builder lock`, and commit what it wrote",
                location=location,
                id="E-CATALOG-UNPINNED",
            )
        try:
            pin, found = upstreams.newest(extends)
        except (BuilderError, UnsafeSourceError) as error:
            raise _unfetched(name, error, location) from error
        self.pins[name] = pin
        return self._kept.keep(name, found, location), pin


def _extends_of(document: Document) -> Iterator[tuple[Extends, Location]]:
    """Yield each entry of `extends`, and where it says where the catalog is."""
    said = mapping(document.data).get("extends")
    if said is None:
        return
    standing, errors = validate(replace(document, data={"extends": said}), Standing)
    raise_all(errors)
    assert standing is not None
    for index, extends in enumerate(standing.extends):
        path = ("extends", index) if isinstance(said, list) else ("extends",)
        key = next(key for key in ("git", "oci", "path") if getattr(extends, key))
        yield extends, document.at((*path, key))


def _of_same_repository(extends: Extends, by: _Reached, location: Location) -> Extends:
    """Return what a fetched catalog names as a folder, as a folder of the same commit.

    Raises ConfigError for a folder that was not fetched with it.
    """
    if by.pin is None:
        return extends
    _check_scheme(extends, by, by.pin, location)
    if extends.is_pinned:
        return extends
    git = by.pin.source.get("git", "")
    path = posixpath.normpath(posixpath.join(by.pin.source.get("path", "."), extends.path))
    if not git or path.startswith(("/", "../")) or path == "..":
        raise ConfigError(
            f"{by.catalog.name} stands on a folder that does not come with it: {extends.path}",
            hint="it can name a folder of the same repository of git, or `git` or `oci` itself",
            location=location,
            id="E-CATALOG-UNSAFE",
        )
    name = extends.name or posixpath.basename(path)
    return replace(
        extends, git=git, ref=by.pin.commit, path=path, name=name or None, follow="commits"
    )


def _check_scheme(extends: Extends, by: _Reached, pin: PinnedCatalog, location: Location) -> None:
    """Raise ConfigError where a catalog of elsewhere names a repository of this machine."""
    for scheme in ("file://", "http://"):
        is_from_there = pin.source.get("git", "").startswith(scheme)
        if extends.git.startswith(scheme) and not is_from_there:
            raise ConfigError(
                f"{by.catalog.name} stands on a repository of this machine: {extends.git}",
                hint="it can name one of https or ssh",
                location=location,
                id="E-CATALOG-UNSAFE",
            )


def _check_circle(below: SourceCatalog, location: Location, above: tuple[_Reached, ...]) -> None:
    if any(item.catalog.root.resolve() == below.root for item in above):
        names = " → ".join([*(item.catalog.name for item in above), below.name])
        message = f"catalogs stand on one another in a circle: {names}"
        hint = "take `extends` out of one of them"
        raise ConfigError(message, hint=hint, location=location, id="E-CATALOG-CYCLE")


def pin_of_folder(catalog: SourceCatalog, extends: Extends) -> PinnedCatalog:
    """Return what matrix.lock says of a folder: its content, of which no release is known yet."""
    lock = catalog.text(locks.FILE) if catalog.has(locks.FILE) else ""
    return PinnedCatalog(
        source=extends.source,
        content=content_in(catalog.checkout),
        lock=digest_of(lock.encode()) if lock else "",
        registry=extends.registry,
    )


def _pins_of(catalog: SourceCatalog) -> Mapping[str, PinnedCatalog]:
    if not catalog.has(locks.FILE):
        return {}
    return locks.parse(catalog.text(locks.FILE), f"{catalog.label}{locks.FILE}").upstreams


def _unfetched(name: str, error: Exception, location: Location) -> ConfigError:
    """Return the error of a catalog that cannot be fetched."""
    if isinstance(error, UnsafeSourceError):
        return unsafe(name, error, location)
    assert isinstance(error, BuilderError)
    if error.id:
        return ConfigError(error.message, hint=error.hint, location=location, id=error.id)
    first, *more = error.message.splitlines()
    reason = f"{first}: {more[-1].strip()}" if more else first  # a program says it last
    return ConfigError(
        f"{name} cannot be fetched: {one_line(reason)}",
        hint=error.hint or "look at the address, the proxy, `network.ca` and how you log in",
        location=location,
        id="E-CATALOG-UNREACHABLE",
    )


def _check_builder(document: Document, name: str) -> None:
    """Raise ConfigError where a catalog is for other versions of the builder."""
    wanted = mapping(document.data).get("builder")
    if not isinstance(wanted, str):
        return
    location = document.at(("builder",))
    try:
        fits = SpecifierSet(wanted).contains(VERSION, prereleases=True)
    except InvalidSpecifier as error:
        message = f"{wanted!r} is no range of versions"
        raise ConfigError(
            message, hint='e.g. ">=0.2,<0.3"', location=location, id="E-CATALOG-BUILDER"
        ) from error
    if not fits:
        raise ConfigError(
            f"catalog {name} needs builder {wanted}, this is {VERSION}",
            hint="install that version of the builder",
            location=location,
            id="E-CATALOG-BUILDER",
        )
