"""npm's lock files, as published packages carry them: what is installed by one."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from builder.common.errors import StepError

FILE = "npm-shrinkwrap.json"
_BELOW = "node_modules/"
_CPUS = {"amd64": "x64", "386": "ia32"}
Entries = Mapping[str, Mapping[str, Any]]
"""Packages by the path at which they are installed; "" is the one whose lock file it is."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What the file of a package holds: the lock files by folder, and whether it needs others."""

    locks: Mapping[str, Entries]
    needs: bool


def read(file: Path, package: str) -> Carried:
    """Read the .tgz of a package. Raises StepError where it is none, or too old a lock file."""
    try:
        found = dict(_documents(file))
    except (tarfile.TarError, OSError, ValueError) as error:
        raise StepError(f"{package} is no package of npm: {error}") from error
    about = found.pop("package.json", {})
    locks = {}
    for path, data in found.items():
        if "packages" not in data:
            raise StepError(
                f"{package}: {path} has lockfileVersion {data.get('lockfileVersion')},"
                " and 2 or 3 can be read"
            )
        locks[path.removesuffix(FILE).rstrip("/")] = data["packages"]
    return Carried(locks=locks, needs=bool(_wants(about)))


def installed(entries: Entries, arch: str) -> dict[str, Mapping[str, Any]]:
    """Return what npm installs by a lock file, by path, on Linux with glibc, for Docker's `arch`.

    Without what is for development, what is a peer alone, and what is optional and for others.
    Raises StepError where the file lacks something.
    """
    found: dict[str, Mapping[str, Any]] = {}
    stack = [""]
    while stack:
        path = stack.pop()
        optional = entries[path].get("optionalDependencies", {})
        for name in _wants(entries[path]):
            place = _find(name, path, entries)
            if place is None and name not in optional:
                raise StepError(f"it lacks {name}, which {path or 'its package'} needs")
            if place is None or place in found or not _fits(entries[place], arch):
                continue
            found[place] = entries[place]
            stack.append(place)
    return dict(sorted(found.items()))


def name_of(path: str, entry: Mapping[str, Any]) -> str:
    """Return the name of a package: the last part of its path, unless that is an alias."""
    return str(entry.get("name") or path.rpartition(_BELOW)[2])


def _documents(file: Path) -> Iterator[tuple[str, Any]]:
    """Return package.json and the lock files, by path below the folder in which all lies."""
    with tarfile.open(file, "r:gz") as archive:
        for member in archive:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            is_own = path.name == FILE and _BELOW not in f"{path}"
            if (is_own or str(path) == "package.json") and (data := archive.extractfile(member)):
                yield str(path), json.load(data)


def _wants(entry: Mapping[str, Any]) -> dict[str, str]:
    return {**entry.get("dependencies", {}), **entry.get("optionalDependencies", {})}


def _find(name: str, path: str, entries: Entries) -> str | None:
    """Return where Node finds a package from `path`: in the nearest node_modules that has it."""
    while True:
        place = f"{path}/{_BELOW}{name}".lstrip("/")
        if place in entries:
            return place
        if not path:
            return None
        path = path.rpartition(_BELOW)[0].rstrip("/")


def _fits(entry: Mapping[str, Any], arch: str) -> bool:
    """Whether npm installs it here: only what is optional is left out silently."""
    here = {"os": "linux", "cpu": _CPUS.get(arch, arch), "libc": "glibc"}
    return not entry.get("optional") or all(
        _allows(entry.get(key) or [], value) for key, value in here.items()
    )


def _allows(listed: list[str] | str, value: str) -> bool:
    """Whether a list like `["linux", "darwin"]` or `["!win32"]` has a value."""
    words = [listed] if isinstance(listed, str) else listed
    wanted = [word for word in words if not word.startswith("!")]
    return f"!{value}" not in words and (not wanted or value in wanted or wanted == ["any"])
