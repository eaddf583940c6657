"""What the commands of `builder upstream` share: a catalog with those below it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from builder.app.load import upstreams
from builder.app.stacks import Stack, StackComparison
from builder.cli.open import app_on
from builder.common.errors import ConfigError
from builder.diff.stacks import PassedRelease, StackDiff
from builder.lock.pinned import PinnedCatalog
from builder.overlay.extends import Finding, newest_pins
from builder.project import Workspace


def following(
    root: Path,
    folders: Mapping[str, Path] = MappingProxyType({}),
    pins: Mapping[str, PinnedCatalog] = MappingProxyType({}),
) -> Workspace:
    """Return the folder of a catalog that stands on others; what is not kept is fetched.

    `folders` are in the place of those below, by name, and `pins` count instead of those of
    matrix.lock. Raises ConfigError where it stands on no other one.
    """
    folder = root.resolve()
    finding = Finding(upstreams=upstreams(folder), given=folders, chosen=pins)
    workspace = Workspace(folder, finding=finding)
    if not workspace.files.below:
        raise ConfigError(
            "this catalog stands on no other one", hint="`extends` in matrix.yaml names one"
        )
    return workspace


def newest(root: Path, ref: str = "") -> dict[str, PinnedCatalog]:
    """Return what a catalog is to pin now, by name; none of it is written."""
    folder = root.resolve()
    return newest_pins(folder, upstreams(folder), ref)


def compared(
    before: Stack, after: Stack, labels: Mapping[str, tuple[str, str]], **options: Any
) -> StackDiff:
    """Return what differs between a catalog on two contents below, for an app with options."""
    return StackComparison(
        before,
        after,
        labels=labels,
        as_app=lambda project: app_on(project, **options),
        releases=passed_releases(before.files.pins, after.files.pins),
    ).compare()


def passed_releases(
    old: Mapping[str, PinnedCatalog], new: Mapping[str, PinnedCatalog]
) -> tuple[PassedRelease, ...]:
    """Return the release of each catalog that is another than was pinned, with the days between."""
    return tuple(
        PassedRelease(
            catalog=name,
            release=pin.release,
            days=(date.fromisoformat(pin.date) - date.fromisoformat(old[name].date)).days,
        )
        for name, pin in new.items()
        if pin.release and pin.date and name in old and old[name].date
        if pin.record != old[name].record
    )


def labels_of(before: Stack, after: Stack) -> dict[str, tuple[str, str]]:
    """Return what the contents of each catalog below are called that is another than before."""
    old = {item.name: _label(before, item.name) for item in before.files.below}
    new = {item.name: _label(after, item.name) for item in after.files.below}
    roots = {item.name: item.root for item in before.files.below}
    return {
        item.name: (old[item.name], new[item.name])
        for item in after.files.below
        if item.name in roots and item.root != roots[item.name]
    }


def _label(stack: Stack, name: str) -> str:
    """Return the release or commit of a catalog below, or its folder."""
    (item,) = (item for item in stack.files.below if item.name == name)
    pin = stack.files.pins.get(name)
    if pin is None or not item.is_kept:
        return str(item.root)
    return pin.release or pin.commit.removeprefix("sha256:")[:12]
