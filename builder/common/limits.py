"""Limits of what comes from elsewhere, and the readers that hold them.

A registry, an index, a served chart repository, a package or a catalog that somebody only looks at
may be hostile. Nothing of it is read without a limit, and no name of it becomes a path but by
`safe_join`. An error begins with `what`, which names the object; `error` makes it of a message.
"""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from builder.common.errors import BuilderError, StepError

_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30

# Registries.
MANIFEST = 4 * _MIB
"""The bytes of a manifest, an index or a page of tags, as the distribution specification bounds the
first."""
CONFIGURATION = 8 * _MIB
"""The bytes of the configuration of an image or an artifact."""
INDEX_MANIFESTS = 1_000
"""The manifests that an index lists."""
TOKEN = 64 * _KIB
"""The bytes of the answer of a token server, and of the body of an error."""
TAG_PAGES = 1_000
TAGS = 1_000_000
"""The pages, and the tags, of one repository."""
ARTIFACT_FILE = 64 * _MIB
"""The bytes of a file of an artifact that is read whole: image metadata, a release record."""

# Archives: layers, tarballs, the packages of npm and Julia.
ARCHIVE_FILES = 2_000_000
ARCHIVE_UNPACKED = 64 * _GIB
"""The members of an archive, and the bytes of them together."""
ARCHIVE_HEADER = 1 * _MIB
"""The bytes of the name or the attributes of a member; the limit is that of Go."""
ARCHIVE_TEXT = 64 * _MIB
"""The bytes of a file of an archive that is read whole."""
ARCHIVE_READ = 1 * _GIB
"""The bytes of all files of an archive that is read whole: a registry of Julia packages."""

# Downloads.
FILE = 64 * _GIB
"""The bytes of a file whose length nobody states."""
JULIA_TARBALL = 8 * _GIB
"""The bytes of a registry, a package or an artifact of a Julia package server: that of MKL has some
0.6 GB."""
TEXT = 64 * _MIB
"""The bytes of a text of a package index: that of all R packages has some 10 MB."""
SIGNATURE = 1 * _MIB
"""The bytes of the file that signs a chart package."""
ANSWER_PATIENCE = 120.0
ANSWER_RATE = 16 * _KIB
"""How long the body of an answer may take: these seconds, and one for each so many bytes that came.
So the time of an answer has a limit, in proportion to that of its size."""

# Charts.
CHART_INDEX = 64 * _MIB
"""The bytes of the index of a chart repository."""
CHART_PACKAGE = 20 * _MIB
"""The bytes of a package, packed."""
CHART_UNPACKED = 100 * _MIB
CHART_FILES = 10_000
"""The bytes and the files of a package, unpacked."""
CHART_FILE = 5 * _MIB
"""The bytes of a file of a package that is read."""
CHART_RATIO = 200
"""How many times larger than packed a package may be unpacked."""
SCHEMA_NODES = 100_000
"""The nodes of the JSON schema of a chart, after its references are resolved."""
PATTERN_LENGTH = 1_000
PATTERN_SECONDS = 2.0
"""The characters of a regular expression of a schema, and how long one match may take."""

# Documents, names and programs.
LOCK = 64 * _MIB
"""The bytes of matrix.lock: that of 150 images has 1 MB."""
DEPTH = 64
NODES = 1_000_000
"""The levels and the nodes of a document in JSON or YAML, after its aliases are resolved."""
NAME = 255
PATH = 4_096
"""The bytes of a file name, and of a path."""
PRINTED = 256 * _MIB
"""The bytes of what a program prints for the builder to read."""
PRINTED_HEAD = 1 * _MIB
PRINTED_TAIL = 4 * _MIB
"""The bytes of the beginning and of the end of all that a program prints, which errors show."""
PRINTED_LINE = 1 * _MIB
"""The bytes of a line that a program prints, before it is taken in pieces."""
PROGRAM_MEMORY = 4 * _GIB
"""The memory of a program that reads what comes from elsewhere."""

Refusal = Callable[[str], BuilderError]
"""Makes an error of a message."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # an unfinished one ends with the text
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_SHOWN = 120
_DIGITS = 4_000  # of a whole number; Python itself reads few more


def binary(size: int) -> str:
    """Return a number of bytes as limits are stated: `64 KiB`, `4 MiB`, `1,000 bytes`."""
    for unit, name in ((_GIB, "GiB"), (_MIB, "MiB"), (_KIB, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit:,} {name}"
    return f"{size:,} bytes"


# Names.


def check_name(name: str, what: str = "", *, error: Refusal = StepError) -> None:
    """Raise an error unless `name` is a plain path below a folder, whatever the folder holds."""
    if problem := _problem(name):
        raise error(f"{_prefix(what)}the path {_shown(name)} {problem}")


def safe_join(folder: Path, name: str, what: str = "", *, error: Refusal = StepError) -> Path:
    """Return the path of a foreign name below `folder`; nothing else makes one of such a name.

    Raises an error for a name that is no plain path, or that a link leads out of the folder.
    """
    check_name(name, what, error=error)
    path = folder / name
    try:
        is_below = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        is_below = False
    if not is_below:
        raise error(f"{_prefix(what)}the path {_shown(name)} leaves its folder by a link")
    return path


def _problem(name: str) -> str:
    """Return why a name is not a plain path below a folder, or ""."""
    try:
        size, longest = len(name.encode()), max(len(part.encode()) for part in name.split("/"))
    except UnicodeEncodeError:
        return "is not UTF-8"
    parts = name.split("/")
    problems = (
        (not name, "is empty"),
        (size > PATH or longest > NAME, "is too long"),
        (any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in name), "has control characters"),
        ("\\" in name, "has a backslash"),
        (name.startswith("/"), "is absolute"),
        (".." in parts, "leaves its folder"),
        ("" in parts or "." in parts, "has an empty part"),
    )
    return next((problem for is_so, problem in problems if is_so), "")


def _shown(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")


def _prefix(what: str) -> str:
    return f"{what}: " if what else ""


# Bytes.


def bounded(
    pieces: Iterable[bytes], limit: int, what: str, *, error: Refusal = StepError
) -> Iterator[bytes]:
    """Yield the pieces of a stream. Raises an error at the first byte beyond `limit`."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise error(f"{what} has more than {binary(limit)}")
        yield piece


def exactly(
    pieces: Iterable[bytes], size: int, what: str, *, error: Refusal = StepError
) -> Iterator[bytes]:
    """Yield the pieces of a stream. Raises an error unless it has exactly `size` bytes."""
    actual = 0
    for piece in pieces:
        actual += len(piece)
        if actual > size:
            raise error(f"{what} has more than the {size:,} bytes that are stated")
        yield piece
    if actual < size:
        raise error(f"{what} has {actual:,} of the {size:,} bytes that are stated")


def pieces_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Return the rest of a stream, in pieces."""
    return iter(lambda: stream.read(_MIB), b"")


def read_stream(stream: IO[bytes], limit: int, what: str, *, error: Refusal = StepError) -> bytes:
    """Return the rest of a stream. Raises an error where it has more than `limit` bytes."""
    return b"".join(bounded(pieces_of(stream), limit, what, error=error))


def read_file(path: Path, limit: int, what: str = "", *, error: Refusal = StepError) -> bytes:
    """Return the content of a regular file. Raises an error where it is larger or not a file."""
    with opened(path, what, error=error) as file:
        return read_stream(file, limit, what or str(path), error=error)


def opened(path: Path, what: str = "", *, error: Refusal = StepError) -> IO[bytes]:
    """Open a regular file. Raises an error where it cannot be read: a pipe would never end."""
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return path.open("rb")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise error(f"{what or path} cannot be read: {reason}") from problem
    raise error(f"{what or path} is not a regular file")


# JSON and TOML.


def read_json(data: bytes, limit: int, what: str, *, error: Refusal = StepError) -> Any:
    """Return a document in JSON. Raises an error where it is larger or deeper than is allowed.

    Keys are unique, numbers are finite, and texts can be written as UTF-8.
    """
    if len(data) > limit:
        raise error(f"{what} has more than {binary(limit)}")
    _check_shape(data, what, error)
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_whole,
        )
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        raise error(f"{what} is not valid JSON: {problem.msg} ({place})") from problem
    except UnicodeError as problem:
        raise error(f"{what} is not valid JSON: not UTF-8") from problem
    except ValueError as problem:
        raise error(f"{what} is not valid JSON: {problem}") from problem
    return value


def read_toml(data: bytes, limit: int, what: str, *, error: Refusal = StepError) -> dict[str, Any]:
    """Return a document in TOML. Raises an error where it is larger than is allowed, or none."""
    if len(data) > limit:
        raise error(f"{what} has more than {binary(limit)}")
    try:
        return tomllib.loads(data.decode())
    except UnicodeError as problem:
        raise error(f"{what} is not valid TOML: not UTF-8") from problem
    except ValueError as problem:
        raise error(f"{what} is not valid TOML: {problem}") from problem
    except RecursionError as problem:
        raise error(f"{what} has too many levels") from problem


def _check_shape(data: bytes, what: str, error: Refusal) -> None:
    """Raise an error where a document has too many nodes or levels, before it is parsed."""
    bare = _STRING.sub(b"", data)
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") > NODES:
        raise error(f"{what} has more than {NODES:,} nodes")
    brackets = bare.translate(_BRACKETS, _OTHERS)
    for _ in range(DEPTH):  # each round removes the innermost level
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > DEPTH:
        raise error(f"{what} has more than {DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {_shown(twice)} stands twice in one object")
    return mapping


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"a number has {len(text):,} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError(f"{text[:20]} is not a finite number")
    return number
