"""Changes of packages and of configuration, each told once over all images that have it.

Packages of one source change together: an update of openssl is one change, not one for each of
its packages in each image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.catalog.packages import Inventory
from builder.oci.image import environment
from builder.registry.release_record import ImageShare

_EPOCH = re.compile(r"^\d+:|\+b\d+$")  # and the number of a rebuild: neither is of the source


@dataclass(frozen=True, kw_only=True)
class Image:
    """What is known of one image. `packages` and `config` are None where they are not known.

    `chain` is that of a release record; `config` is what its configuration blob says. In a lock
    it is a layer: it has packages alone, and no digest.
    """

    name: str
    digest: str = ""
    size: int = 0
    chain: tuple[ImageShare, ...] = ()
    packages: Inventory | None = None
    config: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that has one value: None where it is not there. `kind` says what it is."""

    kind: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A change that several images have in common. `images` are the names of those `targets`."""

    group: str  # the ecosystem of a package; what a Dockerfile calls a setting
    name: str  # of the source of packages; of a variable or label
    members: tuple[str, ...]  # the packages
    before: str | None
    after: str | None
    targets: tuple[str, ...]
    images: tuple[str, ...]


def changes(kind: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """The names whose values differ, sorted."""
    return [
        Change(kind=kind, name=name, before=old.get(name), after=new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


@dataclass(frozen=True, kw_only=True)
class _One:
    """A change in one image. `key` holds what it has in common with others of its group."""

    group: str
    name: str
    member: str
    before: str | None
    after: str | None
    key: tuple[str | None, str | None]


_Find = Callable[[Image, Image], Iterator[_One]]
Pairs = Mapping[str, tuple[Image, Image]]
"""Images before and after, by target id."""


def packages(pairs: Pairs) -> tuple[Shared, ...]:
    """The changes of packages, where those of both are known; what most targets have first."""
    return _shared(pairs, _package_changes)


def settings(pairs: Pairs) -> tuple[Shared, ...]:
    """The changes of configuration, likewise."""
    return _shared(pairs, _setting_changes)


def _shared(pairs: Pairs, find: _Find) -> tuple[Shared, ...]:
    """What `find` says of each pair, together; what most targets have comes first."""
    found: dict[tuple[Any, ...], dict[str, list[_One]]] = {}
    for target, (old, new) in pairs.items():
        for one in find(old, new):
            key = (one.group, one.name, *one.key)
            found.setdefault(key, {}).setdefault(target, []).append(one)
    rows = []
    for (group, name, *_), targets in found.items():
        every = [one for ones in targets.values() for one in ones]
        # Of one source, a package may have an epoch where the others have none.
        shown = min(every, key=lambda one: (len(one.after or one.before or ""), one.member))
        rows.append(
            Shared(
                group=group,
                name=name,
                members=tuple(sorted({one.member for one in every})),
                before=shown.before,
                after=shown.after,
                targets=tuple(targets),
                images=tuple(dict.fromkeys(pairs[key][1].name for key in targets)),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-len(row.targets), row.group, row.name)))


def _package_changes(old: Image, new: Image) -> Iterator[_One]:
    if old.packages is None or new.packages is None:
        return
    for ecosystem in sorted({*old.packages, *new.packages}):
        left, right = old.packages.get(ecosystem, {}), new.packages.get(ecosystem, {})
        for name in sorted({*left, *right}):
            before, after = left.get(name), right.get(name)
            versions = tuple(item.version if item else None for item in (before, after))
            if versions[0] == versions[1]:
                continue
            source = (after and after.source) or (before and before.source) or name
            yield _One(
                group=ecosystem,
                name=source,
                member=name,
                before=versions[0],
                after=versions[1],
                key=(_of_source(versions[0]), _of_source(versions[1])),
            )


def _of_source(version: str | None) -> str | None:
    return _EPOCH.sub("", version) if version else None


def _setting_changes(old: Image, new: Image) -> Iterator[_One]:
    if old.config is None or new.config is None:
        return
    for change in changes("setting", _said(old.config), _said(new.config)):
        word, _, name = change.name.partition(" ")
        yield _One(
            group=word,
            name=name,
            member=name,
            before=change.before,
            after=change.after,
            key=(change.before, change.after),
        )


def _said(config: Mapping[str, Any]) -> dict[str, str]:
    """What a configuration says of a container, by what a Dockerfile calls it: `ENV HOME`."""
    inner = config.get("config") or {}
    found = {f"ENV {name}": value for name, value in environment(config).items()}
    for key, word in (("Entrypoint", "ENTRYPOINT"), ("Cmd", "CMD")):
        if inner.get(key):
            found[word] = json.dumps(inner[key], ensure_ascii=False)
    for key, word in (("User", "USER"), ("WorkingDir", "WORKDIR")):
        if inner.get(key):
            found[word] = str(inner[key])
    if inner.get("ExposedPorts"):
        found["EXPOSE"] = " ".join(sorted(inner["ExposedPorts"]))
    for name, value in (inner.get("Labels") or {}).items():
        found[f"LABEL {name}"] = str(value)
    return found
