"""Keeps the text of plans that asked nobody, by the content of all that they were made from.

Making such a plan reads some hundred files and renders every Dockerfile and chart; a second time
only the files are hashed. A kept plan is below `build/`: it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.common.checkout import read_checkout
from builder.common.files import write
from builder.common.process import Runner

if TYPE_CHECKING:  # what is asked for first is to be fast
    from builder.common.state_dir import StateDir

_FORMAT = 1
MOST = 16
"""Plans that are kept."""
_LARGEST = 16 << 20  # bytes of one
_ENTRIES = 50_000  # files and folders of a catalog, or of the builder, that are hashed
_READ_AS_ONE = 1 << 30  # bytes of them in all
_CATALOG = ("matrix.yaml", "matrix.lock", "images", "charts")
_BUILDER = Path(__file__).parent.parent
_OF_SHELLS = frozenset({"_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL", "TERM"})
_PLUGINS = b"[catalog_builder."


@dataclass(frozen=True, kw_only=True)
class KeptPlan:
    """What a command printed: `text` on standard output, and the catalog's `notes` beside it."""

    text: str
    notes: tuple[str, ...] = ()


class KeptPlans:
    """The plans that a state folder keeps, the last used ones."""

    def __init__(self, state: StateDir) -> None:
        self._folder = state.plans

    def get(self, key: str) -> KeptPlan | None:
        """Return the plan with a key; None where there is none, or not what was written."""
        path = self._folder / f"{key}.json"
        try:
            if not path.is_file() or path.stat().st_size > _LARGEST:
                return None
            digest, _, body = path.read_bytes().partition(b"\n")
            if digest.decode("ascii", "replace") != _digest(key, body):
                return None
            os.utime(path)
            data = json.loads(body)
        except OSError:
            return None
        return KeptPlan(text=data["text"], notes=tuple(data["notes"]))

    def put(self, key: str, plan: KeptPlan) -> None:
        """Keep a plan, and delete the oldest where there are too many. A full disk is no error."""
        body = json.dumps(asdict(plan)).encode()
        if len(body) >= _LARGEST - 100:
            return
        try:
            data = f"{_digest(key, body)}\n".encode() + body
            write(self._folder / f"{key}.json", data, lasting=False)
            paths = sorted(self._folder.iterdir(), key=lambda path: -path.stat().st_mtime_ns)
            for path in paths[MOST:]:
                path.unlink(missing_ok=True)
        except OSError:
            return


def key_of(root: Path, asked: Mapping[str, Any]) -> str | None:
    """Return the hash of all that a plan of a catalog is made from, if no registry is asked.

    That is what was `asked` for, the catalog's files and what git says of them, the builder's own
    files, the versions of installed packages, and the environment, which matrix.yaml may name.
    None where something is not a plain file, where there is too much of it, or where an installed
    package adds to the builder.
    """
    root = root.resolve()
    packages = _packages()
    if packages is None:
        return None
    found = read_checkout(root, Runner())
    git = {item.name: getattr(found, item.name) for item in fields(found)}
    digest = hashlib.sha256()
    known = {
        "format": _FORMAT,
        "python": sys.version,
        "root": str(root),
        "asked": {name: repr(value) for name, value in asked.items()},
        "git": {name: _sorted(value) for name, value in git.items()},
        "packages": packages,
        "environment": {
            name: value for name, value in os.environ.items() if name not in _OF_SHELLS
        },
    }
    digest.update(json.dumps(known, sort_keys=True).encode())
    try:
        for line in _tree(root, _CATALOG):
            digest.update(line)
        for line in _tree(_BUILDER, ("",), without=frozenset({"__pycache__"})):
            digest.update(line)
    except (OSError, _NotHashedError):
        return None
    return digest.hexdigest()


class _NotHashedError(Exception):
    """There is something that is no file, or too much."""


def _tree(
    root: Path, names: tuple[str, ...], without: frozenset[str] = frozenset()
) -> Iterator[bytes]:
    """Yield a line for each file and folder: its name, mode, link and content.

    What has a name of `without` is left out. Nothing but plain files is opened. Raises OSError, and
    _NotHashedError.
    """
    budget = _READ_AS_ONE
    paths = [os.path.join(root, name) for name in reversed(names)]
    number = 0
    while paths:
        path = paths.pop()
        number += 1
        if not os.path.lexists(path):
            continue
        facts = os.stat(path)
        link = os.readlink(path) if os.path.islink(path) else ""
        content = ""
        if stat.S_ISDIR(facts.st_mode):
            inside = sorted(set(os.listdir(path)) - without, reverse=True)
            paths += [os.path.join(path, name) for name in inside]
        elif stat.S_ISREG(facts.st_mode):
            budget -= facts.st_size
            if budget < 0:
                raise _NotHashedError
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
        else:
            raise _NotHashedError
        if number > _ENTRIES or len(path) > 4096:  # a link to a folder around it
            raise _NotHashedError
        yield json.dumps([path, facts.st_mode, link, content]).encode() + b"\n"


def _packages() -> list[str] | None:
    """Return the names of installed packages with their versions; None where one is a plug-in."""
    names = []
    for folder in dict.fromkeys(sys.path):
        try:
            found = sorted(os.listdir(folder or "."))
        except OSError:
            continue  # an archive, or nothing
        for name in found:
            if name.endswith((".dist-info", ".egg-info")):
                names.append(os.path.join(folder, name))
                entries = os.path.join(folder, name, "entry_points.txt")
                if os.path.isfile(entries) and _PLUGINS in Path(entries).read_bytes():
                    return None
    return names


def _sorted(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, frozenset) else str(value)


def _digest(key: str, body: bytes) -> str:
    return hashlib.sha256(key.encode() + b"\n" + body).hexdigest()
