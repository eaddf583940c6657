"""Writes the catalog that somebody begins with: one image and one chart of it.

Its files lie in `builder/starter`, each as it is written but for what `$name` stands for.
"""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from string import Template

from builder.catalog.parser import parse_matrix
from builder.common.errors import ConfigError, raise_all
from builder.common.files import write
from builder.oci.reference import parse as parse_reference

STARTER = Path(__file__).parents[1] / "starter"
EMBEDDED = "embedded"
_MATRIX = "matrix.yaml"
# They would be git's own here.
_RENAMED = {"gitignore": ".gitignore", "gitattributes": ".gitattributes"}
_FILLED = (_MATRIX, "README.md", "images/page/files/index.html")
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d+)?")
_PORTS = range(5005, 5105)


def first_catalog(name: str, registry: str) -> dict[str, bytes]:
    """Return the files of a first catalog by path. Raises ConfigError for what it cannot be.

    `registry` is `host[:port][/path]`, or EMBEDDED.
    """
    if registry != EMBEDDED:
        check_registry(registry)
    facts = {"name": name, "registry": plain(registry), "embedded": address_of_embedded()}
    files: dict[str, bytes] = {}
    for source in sorted(STARTER.rglob("*")):
        path = source.relative_to(STARTER).as_posix()
        if not source.is_file() or "__pycache__" in source.parts:
            continue
        text = source.read_text(encoding="utf-8")
        text = Template(text).substitute(facts) if path in _FILLED else text
        files[_RENAMED.get(path, path)] = text.encode()
    _, errors = parse_matrix(files[_MATRIX].decode(), _MATRIX)
    raise_all(errors)
    return files


def plain(text: str) -> str:
    """Return a text as YAML has it: in quotes where they are needed."""
    return text if re.fullmatch(r"[\w./-]+", text) else json.dumps(text)


def check_registry(registry: str) -> None:
    """Raise ConfigError for what is no `host[:port][/path]`."""
    host = registry.partition("/")[0]
    if not _HOST.fullmatch(host):
        raise ConfigError(f"not a registry: {registry!r}", hint="write host[:port][/path]")
    parse_reference(f"{registry}/page")


def name_of(folder: Path) -> str:
    """Return the name of a catalog in this folder. Raises ConfigError where none can be made."""
    name = "-".join(re.findall(r"[a-z0-9]+", folder.name.lower()))
    if not name:
        raise ConfigError(
            f"no catalog name can be made from the folder {folder}",
            hint="choose a name, e.g. --name my-catalog",
        )
    return name


def write_catalog(folder: Path, files: dict[str, bytes]) -> None:
    """Write files below a folder: all of them, or none. What is there is never replaced.

    Raises ConfigError where one of them is there, or a file stands where a folder must be.
    """
    existing = [path for path in files if _is_occupied(folder, path)]
    if existing:
        raise ConfigError(
            f"{folder} has {', '.join(existing)} already: nothing was written",
            hint="name a folder that is empty, or not yet there: `builder init DIR`",
        )
    written: list[Path] = []
    try:
        for path, data in files.items():
            written.append(folder / path)
            write(folder / path, data)
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise


def _is_occupied(folder: Path, path: str) -> bool:
    """Whether a file cannot be put at a path without taking the place of another."""
    file = folder / path
    if file.exists() or file.is_symlink():
        return True
    folders = [folder / parent for parent in Path(path).parents]
    return any((part.exists() or part.is_symlink()) and not part.is_dir() for part in folders)


def address_of_embedded() -> str:
    """Return where a registry `embedded` can be served: a port that nothing listens on."""
    return f"127.0.0.1:{_free_port()}"


def _free_port() -> int:
    """Return the first port of _PORTS that nothing listens on, or the first."""
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return _PORTS[0]
