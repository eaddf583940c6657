"""Lists the packages that the layers of an image have, by the files that they leave.

Nothing in the image is run: its own programs may lie. A file that a package of Debian owns is of
that package, and of no other.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name

from builder.common.archives import content, members, opened
from builder.common.limits import ARCHIVE_TEXT
from builder.sbom import dpkg

_STATUS = "var/lib/dpkg/status"
_OWNED = re.compile(r"var/lib/dpkg/info/[^/]+\.list")
_PYTHON = re.compile(
    r"(?:.*/)?(?:site|dist)-packages/[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO)"
)
_R = re.compile(r"(?:.*/)?library/([A-Za-z][A-Za-z0-9.]*)/DESCRIPTION")
_JULIA = re.compile(r"(?:.*/)?packages/([^/]+)/[A-Za-z0-9]{4,5}/(?:Julia)?Project\.toml")
_SYSTEM = "usr/lib/python3/dist-packages/"
_HEADER = re.compile(r"^(Name|Package|Version):[ \t]*(\S+)[ \t]*$", re.MULTILINE)
_TOML = re.compile(r'^version[ \t]*=[ \t]*"([^"\n]{1,128})"', re.MULTILINE)
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_SMALL = 4 << 20
_SHORT = 128


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A package that is in an image; `path` is the file that says so."""

    ecosystem: str
    name: str
    version: str
    path: str


@dataclass(kw_only=True)
class _State:
    """What the layers so far have: texts by path, and the files of the system's Python."""

    texts: dict[str, bytes] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    def remove(self, path: str, *, is_opaque: bool) -> None:
        """Remove what a layer deletes: a file or a folder, or all that is in an opaque one."""
        below = f"{path}/"

        def is_gone(key: str) -> bool:
            return key.startswith(below) or (key == path and not is_opaque)

        for key in [*filter(is_gone, self.texts)]:
            del self.texts[key]
        self.files = {key for key in self.files if not is_gone(key)}


@dataclass(frozen=True, kw_only=True)
class LayerPackages:
    """The packages of layers. `unowned` are files of the system's Python that no package owns."""

    installed: tuple[Installed, ...]
    unowned: tuple[str, ...]


def read_packages(layers: Iterable[Path]) -> LayerPackages:
    """Return the packages in the layers of an image, the lowest first.

    Raises StepError for a layer that is damaged or larger than is allowed.
    """
    state = _State()
    for layer in layers:
        with opened(layer, f"the layer {layer.name}") as archive:
            _take(archive, state)
    owned = _owned(state.texts)
    found = {*_debian(state.texts)}
    for path, data in state.texts.items():
        if path not in owned:
            found.update(_read(path, data.decode(errors="replace")))
    unowned = {path for path in state.files - owned if not _is_known(path, state.texts)}
    return LayerPackages(
        installed=tuple(sorted(found, key=lambda item: (item.ecosystem, item.name, item.path))),
        unowned=tuple(sorted(unowned)),
    )


def _take(archive: tarfile.TarFile, state: _State) -> None:
    """Add what a layer has, after what it deletes: its own files stay."""
    added = _State()
    for member in members(archive):
        path = member.name.removeprefix("./").lstrip("/")
        folder, _, name = path.rpartition("/")
        if name == _OPAQUE:
            state.remove(folder, is_opaque=True)
        elif name.startswith(_WHITEOUT):
            state.remove(f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/"), is_opaque=False)
        elif member.isreg():
            if path.startswith(_SYSTEM) and not path.endswith(".pyc"):
                added.files.add(path)
            if limit := _limit(path):
                added.texts[path] = content(archive, member, limit)
    state.texts |= added.texts
    state.files |= added.files


def _limit(path: str) -> int:
    """Return how large a file may be that says which packages there are; 0 for another file."""
    if path.startswith("var/lib/dpkg/"):
        is_read = path == _STATUS or path.startswith(f"{_STATUS}.d/") or _OWNED.fullmatch(path)
        return ARCHIVE_TEXT if is_read else 0
    patterns = (_PYTHON, _R, _JULIA)
    return _SMALL if any(pattern.fullmatch(path) for pattern in patterns) else 0


def _owned(texts: Mapping[str, bytes]) -> set[str]:
    """Return the files that packages of Debian own."""
    lists = (data for path, data in texts.items() if _OWNED.fullmatch(path))
    return {
        _merged(line.lstrip("/"))
        for data in lists
        for line in data.decode(errors="replace").splitlines()
    }


def _merged(path: str) -> str:
    """Return a path as it is where `/lib` is a link to `/usr/lib`."""
    return f"usr/{path}" if path.startswith(("lib/", "bin/", "sbin/")) else path


def _debian(texts: Mapping[str, bytes]) -> Iterator[Installed]:
    for path, data in texts.items():
        if path == _STATUS or path.startswith(f"{_STATUS}.d/"):
            for item in dpkg.installed(data.decode(errors="replace")):
                yield Installed(ecosystem="apt", name=item.name, version=item.version, path=path)


def _read(path: str, text: str) -> Iterator[Installed]:
    readers: Mapping[re.Pattern[str], Callable[[str, str], Iterator[Installed]]] = {
        _PYTHON: _python, _R: _r, _JULIA: _julia,
    }  # fmt: skip
    for pattern, reader in readers.items():
        if pattern.fullmatch(path):
            yield from reader(path, text)


def _headers(text: str) -> dict[str, str]:
    head = text.split("\n\n", 1)[0]
    return {key: value[:_SHORT] for key, value in reversed(_HEADER.findall(head))}


def _python(path: str, text: str) -> Iterator[Installed]:
    fields = _headers(text)
    if "Name" in fields and "Version" in fields:
        name = str(canonicalize_name(fields["Name"]))
        yield Installed(ecosystem="pip", name=name, version=fields["Version"], path=path)


def _r(path: str, text: str) -> Iterator[Installed]:
    fields = _headers(text)
    if "Package" in fields and "Version" in fields:
        yield Installed(ecosystem="r", name=fields["Package"], version=fields["Version"], path=path)


def _julia(path: str, text: str) -> Iterator[Installed]:
    name, version = _JULIA.fullmatch(path), _TOML.search(text)
    if name and version:
        yield Installed(ecosystem="julia", name=name[1], version=version[1], path=path)


def _is_known(path: str, texts: Mapping[str, bytes]) -> bool:
    """Whether a file is in a folder of a package that says what it is: that is found by name."""
    rest = path.removeprefix(_SYSTEM).split("/")[0]
    return f"{_SYSTEM}{rest}/METADATA" in texts
