"""Compares two builds of the same inputs: their configurations, layers and files."""

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
    """A difference between two builds, at a path.

    `path` is that of a file, with a leading slash, or it begins with `config` or `layer`.
    `reason` is the explanation in the recipe, "" if there is none.
    """

    path: str
    change: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.change}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of building a target again, with the digests of both images.

    If the digests differ and `differences` is empty, only the compression of layers differs.
    """

    target: str
    registry_digest: str
    built_digest: str
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """The status: `identical`, `same content`, `explained` or `different`."""
        if self.registry_digest == self.built_digest:
            return "identical"
        if not self.differences:
            return "same content"
        return (
            "explained"
            if all(difference.reason for difference in self.differences)
            else "different"
        )


def compare_layers(
    registry_layers: Sequence[ImageLayer], built_layers: Sequence[ImageLayer]
) -> tuple[tuple[int, ImageLayer | None, ImageLayer | None], ...]:
    """Return (number from 1, old, new) of the layers that differ; None if one image lacks it."""
    pairs = enumerate(zip_longest(registry_layers, built_layers), start=1)
    return tuple(
        (number, old, new)
        for number, (old, new) in pairs
        if not (old and new and old.diff == new.diff)
    )


def compare_members(
    registry_files: Mapping[str, Member], built_files: Mapping[str, Member]
) -> tuple[Difference, ...]:
    """Return the differences between the files of two layers."""
    differences = []
    for path in sorted(registry_files.keys() | built_files.keys()):
        old, new = registry_files.get(path), built_files.get(path)
        if old is None or new is None:
            change = _HERE if old is None else _THERE
        else:
            change = ", ".join(_changes(old, new))
        if change:
            differences.append(Difference(path=f"/{path}", change=change))
    return tuple(differences)


def _changes(old: Member, new: Member) -> Iterator[str]:
    if old.kind != new.kind:
        yield f"{old.kind} → {new.kind}"
        return
    for name in (field.name for field in fields(Member)):
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


def compare_configs(
    registry_config: Mapping[str, Any], built_config: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """Return the differences between two image configurations, without the digests of layers."""
    old, new = (dict(_flat(_named(config), "config")) for config in (registry_config, built_config))
    differences = []
    for path in dict.fromkeys([*old, *new]):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        if before is None or after is None:
            change = _HERE if before is None else _THERE
        else:
            change = f"{_short(before)} → {_short(after)}"
        differences.append(Difference(path=path, change=change))
    return tuple(differences)


def _named(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without its layers, its environment variables by name."""
    inner = {**(config.get("config") or {}), "Env": environment(config)}
    return {key: value for key, value in {**config, "config": inner}.items() if key != "rootfs"}


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of each scalar inside a value."""
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
    """Return each difference once, with the reason of the first glob that its path matches.

    `*` matches any part of a path, slashes too.
    """
    explained_differences = []
    for difference in dict.fromkeys(differences):
        reason = next((reasons[glob] for glob in reasons if fnmatchcase(difference.path, glob)), "")
        explained_differences.append(replace(difference, reason=reason))
    return tuple(explained_differences)
