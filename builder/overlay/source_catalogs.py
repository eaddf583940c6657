"""The folders that a catalog stands on, and their files, of which the upper catalog's come first.

A catalog whose matrix.yaml has `extends` stands on another one: the two are read as one. Files of
the lower one are named `NAME:PATH` in errors.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from builder.catalog.models import File
from builder.catalog.models import Path as KeyPath
from builder.catalog.parser import SourceText
from builder.common import checkout
from builder.common.errors import ConfigError, Location
from builder.common.process import Runner
from builder.common.text import did_you_mean
from builder.lock.pinned import PinnedCatalog

MATRIX = "matrix.yaml"
_LARGEST = 64 << 20  # bytes of a file that is read as text
_MERGED = re.compile(
    r"images/[^/]+/recipe\.yaml|charts/[^/]+/(chart|upstream)\.yaml"
    r"|charts/features/[^/]+/feature\.yaml"
)
_IN_TWO = re.compile(rf"{_MERGED.pattern}|(images|charts)(/[^/]+){{0,2}}/README\.md")
"""What replaces nothing where two catalogs have it: it is merged, or for people."""
_OF_EACH = re.compile(
    r"images/[^/]+/Dockerfile\.append\.j2|(images|charts)/[^/]+/tests/\.skip"
    r"|charts/(features/)?[^/]+/slots/\+[^/]+"
)
"""What every catalog says for itself, and all of it counts."""
_REPLACEABLE = re.compile(r"images/([^_/][^/]*|_macros)/.+|charts/.+")
_REMOVED = re.compile(r"images/[^/]+/files/\.removed")
_TEXT_FOLDERS = ("templates/", "slots/", "ci/")
_TEXT_NAMES = (".yaml", ".tpl", ".md", ".j2")


@dataclass(frozen=True, kw_only=True)
class SourceCatalog:
    """A folder with a matrix.yaml. `label` begins the names of its files in errors."""

    name: str
    root: Path
    label: str = ""
    is_kept: bool = False
    """Whether it is a copy that was fetched: all files of it count, whatever they are called."""
    below: frozenset[str] = frozenset()
    """The names of those that it stands on."""
    left_out: frozenset[KeyPath] = frozenset()
    """Paths in its matrix.yaml that do not count: another catalog says it. An image or a chart that
    is left out takes the folder of its name with it."""

    @cached_property
    def checkout(self) -> checkout.Checkout:
        """Its files, and their state in git."""
        if self.is_kept:
            found = checkout.whole_folder(self.root, self.label)
        else:
            found = checkout.read_checkout(self.root, Runner(), self.label)
        hidden = [file for path in self._hidden for file in (self.root / path).rglob("*")]
        return replace(found, ignored=found.ignored.union(path.resolve() for path in hidden))

    @property
    def _hidden(self) -> list[str]:
        return ["/".join(map(str, path)) for path in self.left_out if len(path) == 2]

    def is_there(self, path: str) -> bool:
        """Whether it has a file or a folder that counts."""
        is_hidden = any(path == item or path.startswith(f"{item}/") for item in self._hidden)
        return not is_hidden and (self.root / path).exists()

    def has(self, path: str) -> bool:
        """Whether it has a file."""
        return self.is_there(path) and (self.root / path).is_file()

    def text(self, path: str) -> str:
        """Return the text of a file. Raises ConfigError."""
        files = checkout.Checkout(root=self.root, label=self.label)
        return checkout.text_of(files.read(self.root / path, _LARGEST), f"{self.label}{path}")


Part = tuple[SourceCatalog, Path]
"""A file of one catalog: of which, and where it is."""


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A file of a folder: its path there, and the parts that it has, the lowest catalog's first.

    Only what every catalog says for itself has several. `replaced` is a lower catalog's file, in
    whose place it stands.
    """

    name: str
    parts: tuple[Part, ...]
    replaced: Part | None = None

    @property
    def catalog(self) -> SourceCatalog:
        """The uppermost catalog that has it."""
        return self.parts[-1][0]

    @property
    def path(self) -> Path:
        """Where the uppermost catalog has it."""
        return self.parts[-1][1]

    def texts(self) -> list[bytes]:
        """Return what each of its parts has."""
        return [catalog.checkout.read(path) for catalog, path in self.parts]

    def read(self) -> bytes:
        """Return what it has: the lines of each of its parts."""
        *below, last = self.texts()
        return b"".join(text if text.endswith(b"\n") else text + b"\n" for text in below) + last


@dataclass(frozen=True, kw_only=True)
class CatalogFiles:
    """The files of catalogs that stand on one another, the lowest first."""

    catalogs: tuple[SourceCatalog, ...]
    pins: Mapping[str, PinnedCatalog] = field(default_factory=dict)
    """What matrix.lock of the own catalog says of those below, or will say when it is written."""
    notes: tuple[str, ...] = ()
    """What somebody should know of where they come from."""

    @property
    def own(self) -> SourceCatalog:
        """The catalog that stands on all others."""
        return self.catalogs[-1]

    @property
    def below(self) -> tuple[SourceCatalog, ...]:
        """The catalogs that the own one stands on."""
        return self.catalogs[:-1]

    def owner(self, path: str) -> SourceCatalog | None:
        """Return the uppermost catalog that has a file or a folder."""
        having = (item for item in reversed(self.catalogs) if item.is_there(path))
        return next(having, None)

    def has(self, path: str) -> bool:
        """Whether a catalog has a file."""
        return any(item.has(path) for item in self.catalogs)

    def shown(self, path: str) -> str:
        """Return the name of a file for errors."""
        owner = self.owner(path)
        return f"{owner.label if owner else ''}{path}"

    def read(self, path: str) -> str:
        """Return the text of a file. Raises ConfigError if there is none."""
        owner = self.owner(path)
        if owner is None:
            raise ConfigError("no such file", location=Location(file=path))
        if len(self.catalogs) > 2:
            _check_clash(
                [(item, item.root / path) for item in self.catalogs if item.has(path)], path
            )
        return owner.text(path)

    def texts_of(self, path: str) -> tuple[SourceText, ...]:
        """Return a file as each catalog has it, the lowest first. Raises ConfigError."""
        found = tuple(
            SourceText(
                catalog=item.name,
                file=f"{item.label}{path}",
                text=item.text(path),
                left_out=item.left_out if path == MATRIX else frozenset(),
            )
            for item in self.catalogs
            if item.has(path)
        )
        if not found:
            raise ConfigError("no such file", location=Location(file=path))
        return found

    def folders(self, path: str) -> list[str]:
        """Return the names of the folders in a folder, sorted."""
        paths = (found for item in self.catalogs for found in (item.root / path).glob("[!._]*"))
        return sorted({found.name for found in paths if found.is_dir()})

    def context_files(self, folder: str) -> tuple[File, ...]:
        """Return the files of a folder as those of the context of a build."""
        files = []
        for found in self.walk(folder):
            data, owner = found.read(), found.catalog
            checkout.check_script(data, f"{owner.label}{folder}/{found.name}")
            files.append(
                File(
                    path=f"files/{found.name}",
                    mode=owner.checkout.mode(found.path),
                    sha256=hashlib.sha256(data).hexdigest(),
                    source=str(found.path),
                )
            )
        return tuple(files)

    def catalogs_with(self, folder: str) -> list[SourceCatalog]:
        """Return the catalogs that have a folder, the lowest first."""
        return [
            item
            for item in self.catalogs
            if item.is_there(folder) and (item.root / folder).is_dir()
        ]

    def bytes_of(self, folder: str) -> dict[str, bytes]:
        """Return the files of a folder, by their path in it."""
        return {found.name: found.read() for found in self.walk(folder)}

    def hash(self, folder: str) -> str:
        """Return one hash of all files of a folder, or "" if there are none."""
        file_hashes = [
            f"{name} {hashlib.sha256(data).hexdigest()}"
            for name, data in self.bytes_of(folder).items()
        ]
        return hashlib.sha256("\n".join(file_hashes).encode()).hexdigest() if file_hashes else ""

    def texts(self, folder: str, suffix: str = "") -> dict[str, str]:
        """Return the texts of a folder; what is none, as a picture, is left out.

        Raises ConfigError where a file that is read is no text.
        """
        texts: dict[str, str] = {}
        for name, data in self.bytes_of(folder).items():
            if name.endswith(suffix) and (is_text(name) or _is_utf8(data)):
                texts[name] = checkout.text_of(data, self.shown(f"{folder}/{name}"))
        return texts

    @staticmethod
    def is_merged(path: str) -> bool:
        """Whether a file is one of all catalogs that have it, merged by key."""
        return _MERGED.fullmatch(path) is not None

    def walk(self, folder: str) -> Iterator[FoundFile]:
        """Yield the files of a folder, sorted. The uppermost catalog's replaces those below.

        Raises ConfigError where that would change nothing, for what is removed and not below, and
        for a file that two catalogs have which do not stand on one another.
        """
        found: dict[str, FoundFile] = {}
        having: dict[str, list[Part]] = {}
        for item in self.catalogs:
            root = item.root / folder
            here = {path.relative_to(root).as_posix(): path for path in item.checkout.files(root)}
            for name in [name for name in here if _REMOVED.fullmatch(f"{folder}/{name}")]:
                del here[name]
                _remove(found, here, name, item, folder)
            for name, path in here.items():
                having.setdefault(name, []).append((item, path))
                below = found.get(name)
                found[name] = FoundFile(name=name, parts=((item, path),))
                if below is not None:
                    found[name] = _over(below, (item, path), f"{folder}/{name}")
        for name in found:
            _check_clash(having[name], f"{folder}/{name}")
        yield from sorted(found.values(), key=lambda item: Path(item.name).parts)


def _check_clash(having: Sequence[Part], path: str) -> None:
    """Raise ConfigError where the uppermost file takes the place of one that it does not know."""
    if len(having) < 2 or _OF_EACH.fullmatch(path) or _IN_TWO.fullmatch(path):
        return
    top, file = having[-1]
    for other, one in having[:-1]:
        is_other = other.name not in top.below
        if is_other and other.checkout.read(one) != top.checkout.read(file):
            raise ConfigError(
                f"{other.name} and {top.name} have this file, and neither stands on the other",
                hint=f"say which counts: put it into this catalog, as {path}",
                location=Location(file=f"{top.label}{path}"),
                id="E-CATALOG-CLASH",
            )


def _over(below: FoundFile, part: Part, path: str) -> FoundFile:
    """Return a file that a lower catalog has, too, with what the upper one has of it."""
    if _OF_EACH.fullmatch(path):
        return replace(below, parts=(*below.parts, part))
    file = FoundFile(name=below.name, parts=(part,))
    if _IN_TWO.fullmatch(path):
        return file
    if not _REPLACEABLE.fullmatch(path):
        raise ConfigError(
            f"catalog {below.catalog.name} has this file, too, and its recipes have links to that",
            hint="put yours where it is to be used: images/RECIPE/files/NAME",
            location=Location(file=f"{part[0].label}{path}"),
            id="E-CATALOG-FILE",
        )
    return replace(file, replaced=below.parts[-1])


def _remove(
    found: dict[str, FoundFile],
    here: Mapping[str, Path],
    name: str,
    item: SourceCatalog,
    folder: str,
) -> None:
    """Take the files out that the list `.removed` of a catalog names."""
    file, above = f"{folder}/{name}", name.removesuffix(".removed")
    for number, line in enumerate(item.text(file).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        path = f"{above}{line.strip()}"
        location = Location(file=f"{item.label}{file}", line=number, column=1, source=line)
        if path in here:
            raise ConfigError(
                f"{line.strip()} is removed here, and this catalog has it itself",
                hint="a file takes the place of the one below: take this line out",
                location=location,
                id="E-MERGE-BOTH",
            )
        if found.pop(path, None) is None:
            known = [one.removeprefix(above) for one in found if one.startswith(above)]
            raise ConfigError(
                f"there is no file {line.strip()!r} to remove",
                hint=did_you_mean(line.strip(), known),
                location=location,
                id="E-MERGE-NOTHING",
            )


def is_text(name: str) -> bool:
    """Whether a file is read as text, by its name below the folder of a recipe or a feature."""
    return name.startswith(_TEXT_FOLDERS) or name.endswith(_TEXT_NAMES)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
