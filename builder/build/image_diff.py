"""In what two builds of the same inputs differ, from what was read of their images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Any

from builder.oci.image import ImageLayer, Member, environment

_WIDTH = 100
_HERE, _THERE = "only in this build", "only in the registry's"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """`path` is a file's, with a leading slash; or it begins with `config` or `layer`.

    `reason` is why its recipe says that it may differ, "" where it says nothing.
    """

    path: str
    what: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of building a target again: `held` is the digest in the registry, `built` this one.

    Where the digests differ and nothing else does, only the compression of layers is another.
    """

    target: str
    held: str
    built: str
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """`identical`, `same content`, `explained` or `different`."""
        if self.held == self.built:
            return "identical"
        if not self.differences:
            return "same content"
        return "explained" if all(it.reason for it in self.differences) else "different"


def compare_layers(
    held: Sequence[ImageLayer], built: Sequence[ImageLayer]
) -> tuple[tuple[int, ImageLayer | None, ImageLayer | None], ...]:
    """The layers whose content differs, by their place from 1; None where there is none."""
    pairs = enumerate(zip_longest(held, built), start=1)
    return tuple((n, a, b) for n, (a, b) in pairs if not (a and b and a.diff == b.diff))


def compare_members(
    held: Mapping[str, Member], built: Mapping[str, Member]
) -> tuple[Difference, ...]:
    """In what the files of two layers differ."""
    found = []
    for path in sorted(held.keys() | built.keys()):
        old, new = held.get(path), built.get(path)
        if old is None or new is None:
            what = _HERE if old is None else _THERE
        else:
            what = ", ".join(_changes(old, new))
        if what:
            found.append(Difference(path=f"/{path}", what=what))
    return tuple(found)


def _changes(old: Member, new: Member) -> Iterator[str]:
    if old.kind != new.kind:
        yield f"{old.kind} → {new.kind}"
        return
    for name in (item.name for item in fields(Member)):
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        if name == "content":
            yield "content"
        elif name == "mode":
            yield f"mode {before:04o} → {after:04o}"
        elif name == "mtime":
            yield f"mtime {before:.15g} → {after:.15g}"
        elif name == "xattrs":
            yield f"xattrs {', '.join(_keys(before, after))}"
        else:
            yield f"{name} {before} → {after}"


def compare_configs(held: Mapping[str, Any], built: Mapping[str, Any]) -> tuple[Difference, ...]:
    """In what two configurations of images differ, apart from the digests of layers."""
    old, new = (dict(_flat(_named(config), "config")) for config in (held, built))
    found = []
    for path in dict.fromkeys([*old, *new]):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        if before is None or after is None:
            what = _HERE if before is None else _THERE
        else:
            what = f"{_short(before)} → {_short(after)}"
        found.append(Difference(path=path, what=what))
    return tuple(found)


def _named(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without its layers, its variables by their names."""
    inner = {**(config.get("config") or {}), "Env": environment(config)}
    return {key: value for key, value in {**config, "config": inner}.items() if key != "rootfs"}


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    """The scalars below a value, by path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path} {key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value, start=1):
            yield from _flat(inner, f"{path} {index}")
    else:
        yield path, str(value)


def _keys(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def explained(
    differences: Sequence[Difference], reasons: Mapping[str, str]
) -> tuple[Difference, ...]:
    """The same, each once, with the reason of the first glob that its path matches.

    `*` matches any part of a path, slashes too.
    """
    found = []
    for item in dict.fromkeys(differences):
        why = next((reasons[glob] for glob in reasons if fnmatchcase(item.path, glob)), "")
        found.append(replace(item, reason=why))
    return tuple(found)
