"""Choose the artifacts of a package as Pkg does: binaries and data that it names by their git tree.

A package has a table of them, Artifacts.toml, with an entry for each platform. The rules are those
of Julia since 1.6: what a platform and an entry both state must agree; of several entries that
agree, the one that states most of the platform wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.common.archives import content, members, opened
from builder.common.errors import StepError
from builder.common.limits import ARCHIVE_TEXT, read_toml

Tags = Mapping[str, str]
"""What a platform is, in Julia's words: `os`, `arch`, `libc`, `libgfortran_version`, …"""
NAME = r"[\w.+-]{1,128}"
"""The pattern of the name of an artifact that can be locked."""

_TABLES = ("JuliaArtifacts.toml", "Artifacts.toml")  # the first one that is there counts
_SELECTOR = ".pkg/select_artifacts.jl"
_NAME = re.compile(NAME)
_TREE = re.compile(r"[0-9a-f]{40}")
_NUMBERS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})*")
_ARCHES = {"amd64": "x86_64", "arm64": "aarch64"}
_OWN_NAMES = {"x86-64": "x86_64", "amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}
# Numbers that are written in several ways: 5 is 5.0.0.
_VERSIONS = ("libgfortran_version", "libstdcxx_version", "os_version")
_COMPILER = ("libgfortran_version", "cxxstring_abi", "libstdcxx_version")
_SYSTEM = ("os", "arch", "libc", "call_abi", "os_version")


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An artifact of a package. `is_one_of_several`: a program of the package takes its pick."""

    name: str
    tree: str
    is_lazy: bool = False
    is_one_of_several: bool = False


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What a package says of artifacts; with a selector, a program chooses while it is built."""

    entries: Mapping[str, Any] = field(default_factory=dict)
    has_selector: bool = False


def tables(archive: Path, name: str) -> Tables:
    """Return what the tarball of a package says of artifacts. Raises StepError."""
    texts: dict[str, bytes] = {}
    has_selector = False
    with opened(archive, name) as tar:
        for member in members(tar):
            path = member.name.removeprefix("./")
            if path in _TABLES:
                texts[path] = content(tar, member, ARCHIVE_TEXT)
            has_selector |= path == _SELECTOR
    for path in _TABLES:
        if path in texts:
            entries = read_toml(texts[path], ARCHIVE_TEXT, f"{name}: {path}")
            return Tables(entries=entries, has_selector=has_selector)
    return Tables()


def platform_tags(arch: str, julia: str, compiler: Tags) -> Tags:
    """Return what an image is for Pkg; `compiler` is what the tarball of its Julia says."""
    return _normal(
        {
            "os": "linux",
            "arch": _ARCHES.get(arch, arch),
            "julia_version": julia,
            **compiler,
        }
    )


def chosen(found: Tables, platform: Tags, what: str) -> Iterator[Artifact]:
    """Yield the artifacts that are downloaded for a platform, lazy ones too. Raises StepError.

    What a selector may take is all that fits.
    """
    for name, entry in sorted(found.entries.items()):
        entries = entry if isinstance(entry, list) else [entry]
        if not all(isinstance(item, dict) for item in entries):
            raise StepError(f"{what}: its artifact {name[:120]!r} is neither an array nor a table")
        if isinstance(entry, list):
            entries = _fitting(entries, platform)
        wanted = entries if found.has_selector else entries[:1]
        for item in wanted:
            if "download" in item:  # others are made on the spot
                yield _artifact(name, item, what, is_one_of_several=len(wanted) > 1)


def _artifact(
    name: str, item: Mapping[str, Any], what: str, *, is_one_of_several: bool
) -> Artifact:
    tree = str(item.get("git-tree-sha1", ""))
    if not _NAME.fullmatch(name):
        raise StepError(f"{what}: its artifact has a name that cannot be locked: {name[:120]!r}")
    if not _TREE.fullmatch(tree):
        raise StepError(f"{what}: its artifact {name} has no git tree: {tree[:120]!r}")
    return Artifact(
        name=name,
        tree=tree,
        is_lazy=item.get("lazy") is True,
        is_one_of_several=is_one_of_several,
    )


def _fitting(entries: Iterable[Mapping[str, Any]], platform: Tags) -> list[Mapping[str, Any]]:
    """Return the entries that fit a platform, the best one first."""
    by_tags = {tuple(sorted(_tags(item).items())): item for item in entries}
    fitting = [(dict(key), item) for key, item in by_tags.items() if _fits(dict(key), platform)]
    # Of those that say as much, Julia takes the last triplet: the newer libgfortran.
    fitting.sort(key=lambda pair: _triplet(pair[0]), reverse=True)
    fitting.sort(key=lambda pair: len(pair[0].keys() ^ platform.keys()))
    return [item for _, item in fitting]


def _tags(item: Mapping[str, Any]) -> Tags:
    """Return what an entry states: all its texts but the hash of its tree."""
    texts = {key.lower(): text for key, text in item.items() if isinstance(text, str)}
    texts.pop("git-tree-sha1", None)
    return _normal(texts)


def _normal(texts: Mapping[str, str]) -> Tags:
    tags = {key: text.lower() for key, text in texts.items()}
    if "arch" in tags:
        tags["arch"] = _OWN_NAMES.get(tags["arch"], tags["arch"])
    for key in _VERSIONS:
        if key in tags and _NUMBERS.fullmatch(tags[key]):
            tags[key] = ".".join(map(str, _number(tags[key])))
    if tags.get("os") == "linux":
        tags.setdefault("libc", "glibc")
    return tags


def _number(text: str) -> tuple[int, ...]:
    match = _NUMBERS.match(text)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    return (*numbers, 0, 0, 0)[:3]


def _up_to(stated: str, own: str) -> bool:
    return _number(stated) <= _number(own)


def _same_minor(stated: str, own: str) -> bool:
    return _number(stated)[:2] == _number(own)[:2]


_COMPARED: Mapping[str, Callable[[str, str], bool]] = {
    "libstdcxx_version": _up_to,
    "os_version": _up_to,
    "julia_version": _same_minor,
}


def _fits(tags: Tags, platform: Tags) -> bool:
    """Whether all that an entry and a platform both state agrees."""
    if not {"os", "arch"} <= tags.keys():
        return False
    return all(
        _COMPARED.get(key, str.__eq__)(text, platform[key])
        for key, text in tags.items()
        if key in platform
    )


def _triplet(tags: Tags) -> str:
    """Return the text by which Julia orders platforms of one system."""
    parts = []
    if "libgfortran_version" in tags:
        parts.append(f"-libgfortran{_number(tags['libgfortran_version'])[0]}")
    if "cxxstring_abi" in tags:
        parts.append(f"-{tags['cxxstring_abi']}")
    if "libstdcxx_version" in tags:
        parts.append(f"-libstdcxx{_number(tags['libstdcxx_version'])[2]}")
    others = sorted(tags.keys() - {*_COMPILER, *_SYSTEM})
    return "".join([*parts, *(f"-{key}+{tags[key]}" for key in others)])
