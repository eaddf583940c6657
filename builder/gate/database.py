"""The database of advisories: one file, derived from a folder as OSV exports it.

`index.json` names the file in force and is written last, so that a refresh that is killed leaves
the old one. It has `format`, `file`, `sha256`, `made` and `newest` (days), `source` and `count`.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from builder.common.errors import ConfigError, StepError
from builder.common.files import write
from builder.common.limits import ARTIFACT_FILE, binary, read_file, read_json, safe_join
from builder.gate.advisories import RECORD, Advisory, Range, parse
from builder.gate.versions import ECOSYSTEMS

FORMAT = 1
INDEX = "index.json"
_MOST_RECORDS = 2_000_000
_MOST_UNPACKED = 16 << 30
_RATIO = 400
_LOST = 10
_BATCH = 5_000
_REFRESH = "run `builder vulnerabilities --refresh FOLDER`"
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    NotImplementedError,  # of a method of packing that Python lacks
    RuntimeError,  # of a password
)
_TABLE = """
CREATE TABLE advisories (ecosystem TEXT NOT NULL, name TEXT NOT NULL, data TEXT NOT NULL);
"""
_LOOKUP = "CREATE INDEX by_package ON advisories (ecosystem, name)"


@dataclass(frozen=True, kw_only=True)
class Index:
    """What is said of the database: days are YYYY-MM-DD, `count` is of records."""

    format: int
    file: str
    sha256: str
    made: str
    newest: str
    source: str
    count: int


class Database:
    """The advisories in a folder. Raises ConfigError where there are none, or they are damaged."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.index = read_index(folder)
        file = safe_join(folder, self.index.file, "the database of advisories", error=ConfigError)
        if not file.is_file() or _sha256(file) != self.index.sha256:
            raise ConfigError(
                f"the database of advisories in {folder} is not what its index says", hint=_REFRESH
            )
        self._connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)

    def of(self, ecosystem: str, name: str) -> Sequence[Advisory]:
        """Return the advisories of a package in an ecosystem, which may have a release."""
        rows = self._connection.execute(
            "SELECT data FROM advisories WHERE ecosystem = ? AND name = ?", (ecosystem, name)
        )
        return [_advisory(json.loads(data)) for (data,) in rows]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def read_index(folder: Path) -> Index:
    """Return the index of a database. Raises ConfigError where there is none."""
    path = folder / INDEX
    if not path.is_file():
        raise ConfigError(f"there is no database of advisories in {folder}", hint=_REFRESH)
    what = "the index of the database of advisories"
    data = read_json(read_file(path, ARTIFACT_FILE, what), ARTIFACT_FILE, what, error=ConfigError)
    try:
        index = Index(
            format=int(data["format"]),
            file=str(data["file"]),
            sha256=str(data["sha256"]),
            made=str(data["made"]),
            newest=str(data["newest"]),
            source=str(data["source"]),
            count=int(data["count"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} is damaged: {error!r}", hint=_REFRESH) from error
    if index.format != FORMAT:
        raise ConfigError(f"{path} has format {index.format}, not {FORMAT}", hint=_REFRESH)
    return index


def refresh(folder: Path, source: Path, today: str, name: str = "") -> Index:
    """Make the database of `folder` anew from an export of OSV, and return its index.

    `source` has a folder for each ecosystem, with `all.zip` or files in JSON. Raises StepError
    where it is damaged, or lost more than a tenth of the records; the old database is kept then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = read_index(folder) if (folder / INDEX).is_file() else None
    partial = folder / ".partial.sqlite"
    partial.unlink(missing_ok=True)
    count, newest = _fill(partial, source)
    if count == 0:
        raise StepError(f"{source} has no record of OSV", hint=f"folders: {', '.join(ECOSYSTEMS)}")
    if before and count < before.count - before.count // _LOST:
        raise StepError(
            f"{source} has {count:,} records, and the database has {before.count:,}",
            hint=f"if that is right, delete {folder / INDEX} first",
        )
    digest = _sha256(partial)
    file = f"osv-{digest[:16]}.sqlite"
    partial.replace(folder / file)
    index = Index(
        format=FORMAT,
        file=file,
        sha256=digest,
        made=today,
        newest=newest,
        source=name or source.name,
        count=count,
    )
    write(folder / INDEX, (json.dumps(asdict(index), indent=1) + "\n").encode())
    for other in folder.glob("osv-*.sqlite"):
        if other.name != file:
            other.unlink()
    return index


def _fill(file: Path, source: Path) -> tuple[int, str]:
    """Write the advisories of an export; return the number of records and the newest day."""
    count, newest = 0, ""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(f"PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; {_TABLE}")
        rows: list[tuple[str, str, str]] = []
        for what, data in _records(source):
            count += 1
            for advisory in parse(data, what):
                newest = max(newest, advisory.modified)
                text = json.dumps(asdict(advisory), ensure_ascii=False, separators=(",", ":"))
                rows.append((advisory.ecosystem, advisory.name, text))
            if len(rows) >= _BATCH:
                connection.executemany("INSERT INTO advisories VALUES (?, ?, ?)", rows)
                rows.clear()
        connection.executemany("INSERT INTO advisories VALUES (?, ?, ?)", rows)
        connection.execute(_LOOKUP)
        connection.commit()
    return count, newest


def _records(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the records of an export, with the name of each. Raises StepError for too many."""
    number = 0
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        if folder.name.partition(":")[0] not in ECOSYSTEMS:
            continue
        archive = folder / "all.zip"
        files = _packed(archive) if archive.is_file() else _plain(folder)
        for record in files:
            number += 1
            if number > _MOST_RECORDS:
                raise StepError(f"{source} has more than {_MOST_RECORDS:,} records")
            yield record


def _plain(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*.json")):
        yield f"{folder.name}/{path.name}", read_file(path, RECORD)


def _packed(file: Path) -> Iterator[tuple[str, bytes]]:
    what, total = f"{file.parent.name}/{file.name}", 0
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if member.is_dir() or not member.filename.endswith(".json"):
                    continue
                total += member.file_size
                is_bomb = member.file_size > max(member.compress_size, 1) * _RATIO + (1 << 16)
                if member.file_size > RECORD or total > _MOST_UNPACKED or is_bomb:
                    raise StepError(f"{what}: {member.filename[:120]!r} has more than is allowed")
                with archive.open(member) as stream:
                    data = stream.read(RECORD + 1)
                if len(data) > RECORD:
                    raise StepError(f"{what}: a record has more than {binary(RECORD)}")
                yield f"{what}: {member.filename[:120]}", data
    except _DAMAGES as error:
        raise StepError(f"{what} cannot be read: {error}") from error


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _advisory(data: dict[str, Any]) -> Advisory:
    """Return an advisory that `_fill` wrote; the file has the hash that the index says."""
    ranges = tuple(
        Range(
            is_semantic=item["is_semantic"],
            events=tuple((kind, version) for kind, version in item["events"]),
        )
        for item in data.pop("ranges")
    )
    lists = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
    return Advisory(**{**data, **lists}, ranges=ranges)
