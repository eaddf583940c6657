"""The index of R packages, `PACKAGES`, and R's syntax of versions and limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FIELD = re.compile(r"^([\w@]+):[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_NEED = re.compile(r"([A-Za-z][A-Za-z0-9.]*)\s*(?:\(([^)]*)\))?")
_LIMIT = re.compile(r"(>=|<=|==|!=|>|<)\s*([0-9][0-9.-]*)")
_HARD = ("Depends", "Imports", "LinkingTo")  # what a package cannot be installed without


@dataclass(frozen=True, kw_only=True)
class Need:
    """A package that another needs; `limit` is e.g. `>= 1.2`, or "" for any version."""

    name: str
    limit: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A version of a package. `r` is its limit on R itself; `file` is the path of its file."""

    name: str
    version: str
    r: str
    needs: tuple[Need, ...]
    file: str


class RIndex:
    """The packages of a repository. `folder` is that of the index, e.g. `src/contrib`."""

    def __init__(self, text: str, folder: str) -> None:
        self._folder = folder
        self._paragraphs: dict[str, list[str]] = {}
        for paragraph in re.split(r"\n\s*\n", text):
            if match := re.search(r"^Package:\s*(\S+)", paragraph, re.MULTILINE):
                self._paragraphs.setdefault(match[1], []).append(paragraph)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its packages."""
        return tuple(self._paragraphs)

    def entries(self, name: str) -> tuple[Entry, ...]:
        """Return the versions of a package, newest first; some are for a later R."""
        parsed = [self._entry(name, text) for text in self._paragraphs.get(name, ())]
        entries = [entry for entry in parsed if entry is not None]
        return tuple(sorted(entries, key=lambda entry: version_key(entry.version), reverse=True))

    def _entry(self, name: str, paragraph: str) -> Entry | None:
        fields = dict(_FIELD.findall(paragraph))
        if "Version" not in fields or fields.get("OS_type", "unix").strip() != "unix":
            return None
        version = fields["Version"].strip()
        needs = list(_needs(fields))
        # A repository has packages for a later R in folders of their own.
        folder = "/".join(part for part in (self._folder, fields.get("Path", "").strip()) if part)
        return Entry(
            name=name,
            version=version,
            r=", ".join(need.limit for need in needs if need.name == "R" and need.limit),
            needs=tuple(need for need in needs if need.name != "R"),
            file=f"{folder}/{name}_{version}.tar.gz",
        )


def _needs(fields: dict[str, str]) -> Iterator[Need]:
    for field in _HARD:
        for text in fields.get(field, "").split(","):
            if match := _NEED.match(text.strip()):
                yield Need(name=match[1], limit=(match[2] or "").strip())


def version_key(version: str) -> tuple[int, ...]:
    """Return a version as R compares it: by its numbers, whatever is between them."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def meets(version: str, limit: str) -> bool:
    """Whether a version is within a limit, `>= 1.2, < 2`; "": none."""
    key = version_key(version)
    return all(_holds(key, sign, version_key(other)) for sign, other in _LIMIT.findall(limit))


def _holds(version: tuple[int, ...], sign: str, other: tuple[int, ...]) -> bool:
    return {
        ">=": version >= other, "<=": version <= other, "==": version == other,
        "!=": version != other, ">": version > other, "<": version < other,
    }[sign]  # fmt: skip
