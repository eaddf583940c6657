"""Reads records in the OSV format, which anybody may have written. Pure.

Unknown fields are ignored, and so are records of a newer major version of the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from builder.catalog.security import MALICIOUS
from builder.common.errors import StepError
from builder.common.limits import read_json
from builder.gate.severity import severity_of
from builder.gate.versions import ECOSYSTEMS

RECORD = 4 << 20
"""The bytes of a record: the largest of those that are published have some hundred thousand."""
_ID = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}-[A-Za-z0-9:._-]{1,120}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_IDS, _MOST_VERSIONS, _MOST_RANGES, _MOST_EVENTS, _MOST_PACKAGES = (
    100,
    20_000,
    500,
    1_000,
    2_000,
)
_EVENTS = ("introduced", "fixed", "last_affected", "limit")
Event = tuple[str, str]
"""What happens at a version: one of the keys of an event, and the version."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """A range of versions; `is_semantic` where they are compared so in whichever ecosystem."""

    is_semantic: bool
    events: tuple[Event, ...]


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """What a record says of one package.

    `day` is when it was published; `ids` are its aliases, `upstream` what it was made of.
    """

    id: str
    ids: tuple[str, ...]
    upstream: tuple[str, ...]
    summary: str
    day: str
    modified: str
    severity: str
    ecosystem: str
    name: str
    versions: tuple[str, ...]
    ranges: tuple[Range, ...]

    @property
    def is_malicious(self) -> bool:
        """Whether the package itself is hostile."""
        return self.severity == MALICIOUS


def parse(data: bytes, what: str) -> tuple[Advisory, ...]:
    """Return what a record says, by package; nothing of one that was withdrawn.

    Raises StepError for what is not a record.
    """
    record = read_json(data, RECORD, what)
    if not isinstance(record, dict) or not _is_id(record.get("id")):
        raise StepError(f"{what} is not a record of OSV: it has no id")
    if record.get("withdrawn") or not str(record.get("schema_version", "1")).startswith("1"):
        return ()
    return tuple(_advisories(record))


def normalized(name: str, ecosystem: str) -> str:
    """Return the one spelling of a package's name."""
    return str(canonicalize_name(name)) if ecosystem == "PyPI" else name


def _advisories(record: Mapping[str, Any]) -> Iterator[Advisory]:
    is_malicious = record["id"].startswith("MAL-")
    for affected in _list(record.get("affected"), _MOST_PACKAGES):
        package = affected.get("package") if isinstance(affected, Mapping) else None
        if not isinstance(package, Mapping):
            continue
        ecosystem, name = str(package.get("ecosystem", "")), str(package.get("name", ""))
        if ecosystem.partition(":")[0] not in ECOSYSTEMS or not 0 < len(name) <= 255:
            continue
        yield Advisory(
            id=record["id"],
            ids=tuple(filter(_is_id, _list(record.get("aliases"), _MOST_IDS))),
            upstream=tuple(filter(_is_id, _list(record.get("upstream"), _MOST_IDS))),
            summary=_line(record.get("summary") or record.get("details")),
            day=_day(record.get("published")),
            modified=_day(record.get("modified")),
            severity=MALICIOUS if is_malicious else severity_of(record, affected),
            ecosystem=ecosystem,
            name=normalized(name, ecosystem),
            versions=tuple(
                text for text in _list(affected.get("versions"), _MOST_VERSIONS) if _is_text(text)
            ),
            ranges=tuple(_ranges(affected.get("ranges"))),
        )


def _ranges(value: object) -> Iterator[Range]:
    for item in _list(value, _MOST_RANGES):
        if isinstance(item, Mapping) and item.get("type") in ("SEMVER", "ECOSYSTEM"):
            events = tuple(
                (key, event[key])
                for event in _list(item.get("events"), _MOST_EVENTS)
                if isinstance(event, Mapping)
                for key in _EVENTS
                if _is_text(event.get(key))
            )
            yield Range(is_semantic=item["type"] == "SEMVER", events=events)


def _list(value: object, most: int) -> list[Any]:
    return value[:most] if isinstance(value, list) else []


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 256


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _day(value: object) -> str:
    match = _DAY.match(value) if isinstance(value, str) else None
    return match[0] if match else ""


def _line(value: object) -> str:
    """Return the beginning of a text as one line without control characters."""
    words = str(value or "")[:400].split()
    return "".join(sign for sign in " ".join(words) if sign.isprintable())[:200]
