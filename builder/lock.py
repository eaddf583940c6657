"""matrix.lock: what bases and lines are this week. JSON, sorted, so that a diff is readable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from builder.errors import ConfigError, Location
from builder.model import RemoteFile, Source
from builder.ports import BaseLock

FORMAT = 2
FILE = "matrix.lock"


@dataclass(frozen=True, kw_only=True)
class LineLock:
    """What the lock says of a line: its exact version, and by base id the files it comes in."""

    version: str
    files: Mapping[str, tuple[RemoteFile, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lock:
    """`bases` by base id, `lines` by `axis=value`, `layers` by target id."""

    bases: Mapping[str, BaseLock] = field(default_factory=dict)
    lines: Mapping[str, LineLock] = field(default_factory=dict)
    layers: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """From `axis=value` to the exact version."""
        return {name: line.version for name, line in self.lines.items()}

    def base(self, base: str) -> BaseLock:
        """What is locked for a base. Raises ConfigError where nothing is."""
        try:
            return self.bases[base]
        except KeyError:
            raise ConfigError(
                f"base {base} is not locked",
                hint="run `builder lock`",
                location=Location(file=FILE),
            ) from None


def parse(text: str, file: str = FILE) -> Lock:
    """Read a lock. Raises ConfigError where it is torn, of a newer format, or edited wrongly."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        lines = text.splitlines()
        source = lines[error.lineno - 1] if error.lineno <= len(lines) else ""
        raise ConfigError(
            f"not a lock: {error.msg}",
            hint="it was torn or edited by hand; restore it from git, or run `builder lock`",
            location=Location(file=file, line=error.lineno, column=error.colno, source=source),
        ) from error
    place = Location(file=file)
    number = data.get("format") if isinstance(data, dict) else None
    if not isinstance(number, int) or number < 1:
        raise ConfigError("not a lock: it has no format", hint="run `builder lock`", location=place)
    if number > FORMAT:
        raise ConfigError(
            f"format {number} is newer than this builder's {FORMAT}",
            hint="upgrade the builder",
            location=place,
        )
    try:
        return Lock(
            bases={name: _base(item) for name, item in data["bases"].items()},
            lines={name: _line(item) for name, item in data["lines"].items()},
            layers=dict(data["layers"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"not a lock: {_said(error)}",
            hint="restore it from git, or run `builder lock`",
            location=place,
        ) from error


def dump(lock: Lock) -> str:
    """The text of a lock: the same lock, the same bytes."""
    data = {
        "format": FORMAT,
        "bases": {
            name: {
                "source": {base.source.kind: base.source.value},
                "content": base.content,
                "epoch": base.epoch,
                "suites": dict(base.suites),
            }
            for name, base in lock.bases.items()
        },
        "lines": {name: _line_data(line) for name, line in lock.lines.items()},
        "layers": dict(lock.layers),
    }
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _line_data(line: LineLock) -> str | dict[str, Any]:
    """Only its version where it comes in no files: one fact, one line."""
    if not line.files:
        return line.version
    files = {
        base: {file.name: {"url": file.url, "sha256": file.sha256} for file in found}
        for base, found in line.files.items()
    }
    return {"version": line.version, "files": files}


def _line(item: str | Mapping[str, Any]) -> LineLock:
    if isinstance(item, str):
        return LineLock(version=item)
    return LineLock(
        version=str(item["version"]),
        files={
            base: tuple(
                RemoteFile(name=name, url=str(file["url"]), sha256=str(file["sha256"]))
                for name, file in found.items()
            )
            for base, found in item["files"].items()
        },
    )


def _said(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def _base(item: Mapping[str, Any]) -> BaseLock:
    ((kind, value),) = item["source"].items()
    return BaseLock(
        source=Source(kind=kind, value=value),
        content=str(item["content"]),
        epoch=int(item["epoch"]),
        suites={str(name): str(digest) for name, digest in item["suites"].items()},
    )
