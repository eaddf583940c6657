"""Reads a chart's folder as Helm does: it follows links and obeys `.helmignore`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from builder.common import limits
from builder.common.errors import ConfigError, Location

IGNORE = ".helmignore"
_ALWAYS = "templates/.?*"


@dataclass(frozen=True, kw_only=True)
class _Pattern:
    """A line of `.helmignore`. Unlike git, Helm ignores all that a `!` line does not match."""

    parts: tuple[str, ...]
    is_negated: bool
    only_folders: bool
    is_path: bool

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Whether the line excludes a path below the chart's folder."""
        if self.only_folders and not is_folder:
            return False
        names = tuple(path.split("/"))
        names = names if self.is_path else names[-1:]
        fits = len(names) == len(self.parts) and all(map(fnmatchcase, names, self.parts))
        return fits != self.is_negated


def folder_files(folder: Path) -> dict[str, bytes]:
    """Return the files of a chart by path. Raises ConfigError where Helm cannot load it."""
    return dict(sorted(_Walk(folder).files(folder, "", ())))


class _Walk:
    """Reads a folder; stops when it and the targets of its links exceed the limits of a chart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._patterns = _patterns(folder)
        self._bytes = limits.CHART_UNPACKED
        self._paths = limits.CHART_FILES  # and folders; each counts once per link that leads to it

    def files(
        self, folder: Path, below: str, above: tuple[str, ...]
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the files of a folder. `below` is its path, `above` its parents' real paths."""
        real = os.path.realpath(folder)
        if real in above:
            message = "this link points to a folder that contains it"
            raise ConfigError(message, location=Location(file=str(folder)))
        for path in folder.iterdir():
            name = f"{below}{path.name}"
            self._paths -= 1
            self._check_left()
            is_folder = path.is_dir()
            if any(pattern.ignores(name, is_folder=is_folder) for pattern in self._patterns):
                continue
            if is_folder:
                yield from self.files(path, f"{name}/", (*above, real))
            else:
                yield name, self._read(path)

    def _read(self, path: Path) -> bytes:
        if not path.is_file():
            kind = "a link to nothing" if path.is_symlink() else "neither a file nor a folder"
            hint = f"Helm does not load such a chart: remove it, or name it in {IGNORE}"
            raise ConfigError(f"it is {kind}", hint=hint, location=Location(file=str(path)))
        self._bytes -= path.stat().st_size
        self._check_left()
        return limits.read_file(path, limits.CHART_FILE, error=ConfigError)

    def _check_left(self) -> None:
        if self._bytes < 0 or self._paths < 0:
            hint = f"name in {IGNORE} the files that are no part of the chart; links are followed"
            location = Location(file=str(self._folder))
            raise ConfigError(
                "the folder is larger than Helm allows for a chart", hint=hint, location=location
            )


def _patterns(folder: Path) -> list[_Pattern]:
    path = folder / IGNORE
    data = b""
    if path.is_file():
        data = limits.read_file(path, limits.CHART_FILE, error=ConfigError)
    patterns = [_pattern(_ALWAYS)]
    lines = data.decode("utf-8-sig", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if "**" in text and not text.startswith("#"):
            location = Location(file=str(path), line=number, source=line)
            hint = "Helm has no `**`: name the folder, e.g. `docs/`"
            raise ConfigError("Helm does not know this pattern", hint=hint, location=location)
        if text and not text.startswith("#"):
            patterns.append(_pattern(text))
    return patterns


def _pattern(text: str) -> _Pattern:
    bare = text.removeprefix("!").removesuffix("/")
    return _Pattern(
        parts=tuple(bare.removeprefix("/").replace("[^", "[!").split("/")),
        is_negated=text.startswith("!"),
        only_folders=text.endswith("/"),
        is_path="/" in bare,
    )
