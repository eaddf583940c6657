"""Read npm's lock files in published packages, and find the packages that they install."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from builder.common.archives import content, members, opened
from builder.common.errors import StepError
from builder.common.limits import ARCHIVE_TEXT, read_json

FILE = "npm-shrinkwrap.json"
_BELOW = "node_modules/"
_CPUS = {"amd64": "x64", "386": "ia32"}
Entries = Mapping[str, Mapping[str, Any]]
"""Packages by the path at which they are installed; "" is the one whose lock file it is."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The lock files in the file of a package, by folder, and whether it has dependencies."""

    locks: Mapping[str, Entries]
    needs: bool


def read(file: Path, package: str) -> Contents:
    """Read the .tgz of a package. Raises StepError if it is damaged or its lock file too old."""
    documents = dict(_documents(file, package))
    manifest = documents.pop("package.json", {})
    _check_entry(manifest, f"{package}: package.json")
    locks = {}
    for path, data in documents.items():
        if "packages" not in data:
            raise StepError(
                f"{package}: {path} has lockfileVersion {data.get('lockfileVersion')};"
                " only 2 and 3 can be read"
            )
        entries = data["packages"]
        if not isinstance(entries, dict) or "" not in entries:
            raise StepError(f"{package}: {path} has no packages")
        for name, entry in entries.items():
            _check_entry(entry, f"{package}: {path}: {name!r}")
        locks[path.removesuffix(FILE).rstrip("/")] = entries
    return Contents(locks=locks, needs=bool(_wants(manifest)))


def installed(entries: Entries, arch: str) -> dict[str, Mapping[str, Any]]:
    """Return what npm installs by a lock file, by path, on Linux with glibc, for Docker's `arch`.

    Without packages for development, peers, and optional packages for other platforms. Raises
    StepError if the file lacks a package.
    """
    installed_entries: dict[str, Mapping[str, Any]] = {}
    pending = [""]
    while pending:
        path = pending.pop()
        optional = entries[path].get("optionalDependencies", {})
        for name in _wants(entries[path]):
            needed_path = _find(name, path, entries)
            if needed_path is None and name not in optional:
                raise StepError(f"it lacks {name}, which {path or 'its package'} needs")
            if (
                needed_path is None
                or needed_path in installed_entries
                or not _fits(entries[needed_path], arch)
            ):
                continue
            installed_entries[needed_path] = entries[needed_path]
            pending.append(needed_path)
    return dict(sorted(installed_entries.items()))


def name_of(path: str, entry: Mapping[str, Any]) -> str:
    """Return the name of a package: the last part of its path, unless that is an alias."""
    return str(entry.get("name") or path.rpartition(_BELOW)[2])


def _documents(file: Path, package: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield package.json and the lock files, by path below the top folder. Raises StepError."""
    with opened(file, f"the npm package {package}") as archive:
        for member in members(archive):
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            is_own = path.name == FILE and _BELOW not in f"{path}"
            if not member.isdir() and (is_own or str(path) == "package.json"):
                what = f"{package}: {path}"
                data = read_json(content(archive, member, ARCHIVE_TEXT), ARCHIVE_TEXT, what)
                if not isinstance(data, dict):
                    raise StepError(f"{what} is not a JSON object")
                yield str(path), data


def _check_entry(entry: object, what: str) -> None:
    """Raise StepError unless a package states its dependencies as npm does."""
    is_one = isinstance(entry, dict) and all(
        isinstance(entry.get(key, {}), dict) for key in ("dependencies", "optionalDependencies")
    )
    if not is_one:
        raise StepError(f"{what} is malformed: its dependencies are no mapping")


def _wants(entry: Mapping[str, Any]) -> dict[str, str]:
    return {**entry.get("dependencies", {}), **entry.get("optionalDependencies", {})}


def _find(name: str, path: str, entries: Entries) -> str | None:
    """Return the path at which Node finds a package from `path`: the nearest node_modules."""
    while True:
        candidate = f"{path}/{_BELOW}{name}".lstrip("/")
        if candidate in entries:
            return candidate
        if not path:
            return None
        path = path.rpartition(_BELOW)[0].rstrip("/")


def _fits(entry: Mapping[str, Any], arch: str) -> bool:
    """Whether npm installs a package here; only optional ones are left out silently."""
    here = {"os": "linux", "cpu": _CPUS.get(arch, arch), "libc": "glibc"}
    return not entry.get("optional") or all(
        _allows(entry.get(key) or [], value) for key, value in here.items()
    )


def _allows(listed: list[str] | str, value: str) -> bool:
    """Whether a list like `["linux", "darwin"]` or `["!win32"]` has a value."""
    words = [listed] if isinstance(listed, str) else listed
    wanted = [word for word in words if not word.startswith("!")]
    return f"!{value}" not in words and (not wanted or value in wanted or wanted == ["any"])
