"""Find changes of packages and of configuration, and group the images that have the same change.

Packages of one source change together: an update of openssl is one change, not one for each of
its packages in each image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.catalog.packages import PackageList
from builder.oci.image import environment
from builder.registry.release_record import ImageShare

_EPOCH = re.compile(r"^\d+:|\+b\d+$")  # and the number of a rebuild: neither is of the source


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image. `packages` and `config` are None where they are not known.

    `shares` are those of a release record; `config` is its configuration blob. A package set of a
    lock is an image that has packages alone, and no digest. `adopted` names the catalog and the
    release that it was adopted from, "" where it was built here.
    """

    name: str
    digest: str = ""
    size: int = 0
    shares: tuple[ImageShare, ...] = ()
    packages: PackageList | None = None
    config: Mapping[str, Any] | None = None
    adopted: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of one value, None where there is none. `kind` says what has it."""

    kind: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A change that several images have in common. `images` are the names of those `targets`."""

    group: str  # the ecosystem of a package; the instruction of a Dockerfile for a setting
    name: str  # the source package; the variable or label
    members: tuple[str, ...]  # the packages
    before: str | None
    after: str | None
    targets: tuple[str, ...]
    images: tuple[str, ...]


def changes(kind: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """Return a change for each name whose values differ, sorted by name."""
    return [
        Change(kind=kind, name=name, before=old.get(name), after=new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


@dataclass(frozen=True, kw_only=True)
class _ImageChange:
    """A change in one image. Changes of a group with the same `key` are the same change."""

    group: str
    name: str
    member: str
    before: str | None
    after: str | None
    key: tuple[str | None, str | None]


_Find = Callable[[Image, Image], Iterator[_ImageChange]]
Pairs = Mapping[str, tuple[Image, Image]]
"""Images before and after, by target id."""


def packages(pairs: Pairs) -> tuple[Shared, ...]:
    """Return the changes of packages that are known before and after, the most common first."""
    return _shared(pairs, _package_changes)


def settings(pairs: Pairs) -> tuple[Shared, ...]:
    """Return the changes of configuration that is known before and after, the most common first."""
    return _shared(pairs, _setting_changes)


def _shared(pairs: Pairs, find: _Find) -> tuple[Shared, ...]:
    """Return the changes that `find` yields for each pair, grouped; the most common first."""
    groups: dict[tuple[Any, ...], dict[str, list[_ImageChange]]] = {}
    for target, (old, new) in pairs.items():
        for change in find(old, new):
            key = (change.group, change.name, *change.key)
            groups.setdefault(key, {}).setdefault(target, []).append(change)
    rows = []
    for (group, name, *_), targets in groups.items():
        members = [change for changes in targets.values() for change in changes]
        # A package may have an epoch that others of its source do not have.
        shown = min(members, key=lambda item: (len(item.after or item.before or ""), item.member))
        rows.append(
            Shared(
                group=group,
                name=name,
                members=tuple(sorted({change.member for change in members})),
                before=shown.before,
                after=shown.after,
                targets=tuple(targets),
                images=tuple(dict.fromkeys(pairs[key][1].name for key in targets)),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-len(row.targets), row.group, row.name)))


def _package_changes(old: Image, new: Image) -> Iterator[_ImageChange]:
    if old.packages is None or new.packages is None:
        return
    for ecosystem in sorted({*old.packages, *new.packages}):
        old_packages, new_packages = (
            old.packages.get(ecosystem, {}),
            new.packages.get(ecosystem, {}),
        )
        for name in sorted({*old_packages, *new_packages}):
            before, after = old_packages.get(name), new_packages.get(name)
            versions = tuple(item.version if item else None for item in (before, after))
            if versions[0] == versions[1]:
                continue
            source = (after and after.source) or (before and before.source) or name
            yield _ImageChange(
                group=ecosystem,
                name=source,
                member=name,
                before=versions[0],
                after=versions[1],
                key=(_of_source(versions[0]), _of_source(versions[1])),
            )


def _of_source(version: str | None) -> str | None:
    return _EPOCH.sub("", version) if version else None


def _setting_changes(old: Image, new: Image) -> Iterator[_ImageChange]:
    if old.config is None or new.config is None:
        return
    for change in changes("setting", _settings(old.config), _settings(new.config)):
        instruction, _, name = change.name.partition(" ")
        yield _ImageChange(
            group=instruction,
            name=name,
            member=name,
            before=change.before,
            after=change.after,
            key=(change.before, change.after),
        )


def _settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of a configuration by what a Dockerfile calls them: `ENV HOME`."""
    inner = config.get("config") or {}
    values = {f"ENV {name}": value for name, value in environment(config).items()}
    for key, instruction in (("Entrypoint", "ENTRYPOINT"), ("Cmd", "CMD")):
        if inner.get(key):
            values[instruction] = json.dumps(inner[key], ensure_ascii=False)
    for key, instruction in (("User", "USER"), ("WorkingDir", "WORKDIR")):
        if inner.get(key):
            values[instruction] = str(inner[key])
    if inner.get("ExposedPorts"):
        values["EXPOSE"] = " ".join(sorted(inner["ExposedPorts"]))
    for name, value in (inner.get("Labels") or {}).items():
        values[f"LABEL {name}"] = str(value)
    return values
