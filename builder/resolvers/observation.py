"""What an index of an upstream has: the versions of a release line's package, with their days.

It is plain data, and can be written to a file. See docs/bump.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from packaging.version import InvalidVersion, Version

from builder.common.errors import ConfigError, Location
from builder.common.limits import TEXT, read_json

FORMAT = 1
_MOST = 20_000  # versions
_TEXT = 200  # characters of a version, or of a reason


@dataclass(frozen=True, kw_only=True)
class Question:
    """What an index is asked for: the versions of an axis, of one provider.

    `options` are those of the recipe that provides the axis.
    """

    axis: str
    provider: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`provider-axis`, which names its file."""
        return f"{self.provider}-{self.axis}"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A version that an index has. `published` is upstream's day, YYYY-MM-DD, "" if unknown.

    `marks` are upstream's own words for it, e.g. lts.
    """

    version: str
    published: str = ""
    marks: tuple[str, ...] = ()

    @property
    def number(self) -> Version | None:
        """The version as one that can be compared, None for what is no number."""
        return version_of(self.version)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The versions that an index had on a day, newest first."""

    axis: str
    provider: str
    day: str
    versions: tuple[Seen, ...]

    @property
    def digest(self) -> str:
        """The hash of the versions, whatever the day."""
        return hashlib.sha256(json.dumps(_versions(self)).encode()).hexdigest()


def version_of(text: str) -> Version | None:
    """Return a version that can be compared; None for what is none.

    What follows a `+` is left out: that is how a builder names its own build.
    """
    try:
        return Version(text.partition("+")[0])
    except InvalidVersion:
        return None


def observed(question: Question, seen: Iterable[Seen], day: str) -> Observation:
    """Return an observation of versions in any order; what is no version is left out."""
    known = {one.version: one for one in seen if one.number is not None}
    ordered = sorted(known.values(), key=lambda one: one.number or Version("0"), reverse=True)
    return Observation(
        axis=question.axis, provider=question.provider, day=day, versions=tuple(ordered)
    )


def as_file(observation: Observation) -> str:
    """Return an observation as the text of its file."""
    data = {
        "format": FORMAT,
        "axis": observation.axis,
        "provider": observation.provider,
        "day": observation.day,
        "versions": _versions(observation),
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _versions(observation: Observation) -> list[dict[str, Any]]:
    return [
        {"version": one.version}
        | ({"published": one.published} if one.published else {})
        | ({"marks": list(one.marks)} if one.marks else {})
        for one in observation.versions
    ]


def read(data: bytes, file: str) -> Observation:
    """Return the observation in a file. Raises ConfigError with the place of what is wrong."""
    document = read_json(data, TEXT, "it", error=partial(file_error, file))
    top = _mapping(document, "$", file)
    number = top.get("format")
    if number != FORMAT:
        raise file_error(file, f"$.format: {number!r} is no format that this builder reads")
    entries = top.get("versions")
    if not isinstance(entries, list) or len(entries) > _MOST:
        raise file_error(file, f"$.versions: not a list of at most {_MOST:,} versions")
    question = Question(
        axis=_text(top, "axis", "$", file), provider=_text(top, "provider", "$", file)
    )
    seen = [_seen(entry, f"$.versions[{place}]", file) for place, entry in enumerate(entries)]
    return observed(question, seen, _day(_text(top, "day", "$", file), "$.day", file))


def _seen(entry: object, place: str, file: str) -> Seen:
    mapping = _mapping(entry, place, file)
    version = _text(mapping, "version", place, file)
    if version_of(version) is None:
        raise file_error(file, f"{place}.version: {version!r} is no version")
    published = mapping.get("published", "")
    marks = mapping.get("marks", [])
    if not isinstance(marks, list) or not all(isinstance(mark, str) for mark in marks):
        raise file_error(file, f"{place}.marks: not a list of texts")
    if published:
        _day(_text(mapping, "published", place, file), f"{place}.published", file)
    return Seen(version=version, published=str(published), marks=tuple(marks))


def _mapping(value: object, place: str, file: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise file_error(file, f"{place}: not an object")
    return value


def _text(mapping: Mapping[str, Any], key: str, place: str, file: str) -> str:
    value = mapping.get(key)
    if not isinstance(value, str) or not value or len(value) > _TEXT:
        raise file_error(file, f"{place}.{key}: not a text of 1 to {_TEXT} characters")
    return value


def _day(text: str, place: str, file: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise file_error(file, f"{place}: {text!r} is no day: YYYY-MM-DD") from None


def file_error(file: str, message: str) -> ConfigError:
    """Return the error of a file that `builder bump` recorded."""
    hint = "remove the file; `builder bump --record DIR` writes it anew"
    return ConfigError(message, hint=hint, location=Location(file=file))
