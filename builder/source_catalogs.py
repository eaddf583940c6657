"""The folders that a catalog stands on, and their files, of which the upper catalog's come first.

A catalog whose matrix.yaml has `extends` stands on another one: the two are read as one. Files of
the lower one are named `NAME:PATH` in errors.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from builder.catalog.models import File
from builder.catalog.parser import SourceText
from builder.common import checkout
from builder.common.errors import ConfigError, Location
from builder.common.process import Runner
from builder.lock.pinned import PinnedCatalog

MATRIX = "matrix.yaml"
_LARGEST = 64 << 20  # bytes of a file that is read as text
_MERGED = re.compile(
    r"images/[^/]+/recipe\.yaml|charts/[^/]+/(chart|upstream)\.yaml"
    r"|charts/features/[^/]+/feature\.yaml"
)
_IN_TWO = re.compile(
    rf"{_MERGED.pattern}|charts/features/discovery/services\.yaml|(images|charts)(/[^/]+){{0,2}}/README\.md"
)
"""What two catalogs may have: it is merged, taken whole, or for people."""
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

    @cached_property
    def checkout(self) -> checkout.Checkout:
        """Its files, and their state in git."""
        if self.is_kept:
            return checkout.whole_folder(self.root, self.label)
        return checkout.read_checkout(self.root, Runner(), self.label)

    def has(self, path: str) -> bool:
        """Whether it has a file."""
        return (self.root / path).is_file()

    def text(self, path: str) -> str:
        """Return the text of a file. Raises ConfigError."""
        files = checkout.Checkout(root=self.root, label=self.label)
        return checkout.text_of(files.read(self.root / path, _LARGEST), f"{self.label}{path}")


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
        having = (item for item in reversed(self.catalogs) if (item.root / path).exists())
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
        return owner.text(path)

    def texts_of(self, path: str) -> tuple[SourceText, ...]:
        """Return a file as each catalog has it, the lowest first. Raises ConfigError."""
        found = tuple(
            SourceText(catalog=item.name, file=f"{item.label}{path}", text=item.text(path))
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
        for name, owner, path in self.walk(folder):
            data = owner.checkout.read(path)
            checkout.check_script(data, f"{owner.label}{folder}/{name}")
            files.append(
                File(
                    path=f"files/{name}",
                    mode=owner.checkout.mode(path),
                    sha256=hashlib.sha256(data).hexdigest(),
                    source=str(path),
                )
            )
        return tuple(files)

    def tests(self, folder: str) -> str:
        """Return where a folder of tests is, "" where there is none.

        Raises ConfigError where two catalogs have one: a suite is run in one folder.
        """
        having = [item for item in self.catalogs if (item.root / folder).is_dir()]
        if len(having) > 1:
            raise ConfigError(
                f"these tests are in catalog {having[0].name}, too",
                hint="put more tests beside a recipe of another name, on an image of your own",
                location=Location(file=f"{having[-1].label}{folder}"),
            )
        return str(having[0].root / folder) if having else ""

    def bytes_of(self, folder: str) -> dict[str, bytes]:
        """Return the files of a folder, by their path in it."""
        return {name: owner.checkout.read(path) for name, owner, path in self.walk(folder)}

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

    def walk(self, folder: str) -> Iterator[tuple[str, SourceCatalog, Path]]:
        """Yield the files of a folder, sorted: path in it, catalog, and where it is.

        Raises ConfigError where two catalogs have a file that is not merged.
        """
        found: dict[str, tuple[SourceCatalog, Path]] = {}
        for item in self.catalogs:
            for path in item.checkout.files(item.root / folder):
                name = path.relative_to(item.root / folder).as_posix()
                if name in found and not _IN_TWO.fullmatch(f"{folder}/{name}"):
                    raise ConfigError(
                        f"catalog {found[name][0].name} has this file, too",
                        hint="give yours another name: a catalog adds files to the one that it"
                        " stands on, and replaces none",
                        location=Location(file=f"{item.label}{folder}/{name}"),
                    )
                found[name] = item, path
        for name, (item, path) in sorted(found.items(), key=lambda entry: Path(entry[0]).parts):
            yield name, item, path


def is_text(name: str) -> bool:
    """Whether a file is read as text, by its name below the folder of a recipe or a feature."""
    return name.startswith(_TEXT_FOLDERS) or name.endswith(_TEXT_NAMES)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
