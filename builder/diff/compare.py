"""What differs between two releases, two locks, or two images. Data in, data out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from builder.catalog.ids import TargetId
from builder.catalog.packages import Inventory, Package
from builder.diff.changes import Change, Image, Shared, changes, packages, settings

_POOL = re.compile(r" pool/[^/]+/[^/]+/([^/]+)/")
_HASH = re.compile(r"(sha256:)?[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two things that are compared. `images` are by target id; `lock` is the lock as data.

    `noun` is what its images are called: target, image or layer.
    """

    name: str
    noun: str
    images: Mapping[str, Image] = field(default_factory=dict)
    lock: Mapping[str, Any] = field(default_factory=dict)
    charts: Mapping[str, str] = field(default_factory=dict)  # name to version


@dataclass(frozen=True, kw_only=True)
class Resized:
    """Compressed bytes and number of layers, each before and after.

    Of an image, `kept` are the lowest layers that stayed as they were, None where that is not
    known. Of what one image adds to those that stand on it, `targets` is how many have it.
    """

    name: str
    size: tuple[int, int]
    layers: tuple[int, int]
    kept: int | None = None
    targets: int = 1


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All of it. `unknown` and `unconfigured` are those of `changed` of which no packages, or no
    configuration, are known on one side or the other."""

    old: str
    new: str
    noun: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    same: int = 0
    unknown: tuple[str, ...] = ()
    unconfigured: tuple[str, ...] = ()
    packages: tuple[Shared, ...] = ()
    config: tuple[Shared, ...] = ()
    sizes: tuple[Resized, ...] = ()  # of images
    links: tuple[Resized, ...] = ()  # of what each image of a lineage adds
    total: tuple[int, int] = (0, 0)  # bytes, what images have in common counted once
    others: tuple[Change, ...] = ()  # of the lock, and charts
    relocked: bool = False  # whether the locks differ, be it in hashes or times alone

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.others or self.relocked)


def lock_side(name: str, lock: Mapping[str, Any]) -> Side:
    """A lock as a side. A layer has `packages`, or is itself, `{ecosystem: {name: "version …"}}`.

    Whatever else there is in a layer is passed over.
    """
    images = {
        target: Image(name=TargetId(target).image, packages=_packages_of(layer))
        for target, layer in lock.get("layers", {}).items()
    }
    return Side(name=name, noun="layer", images=images, lock=lock)


def _packages_of(layer: Mapping[str, Any]) -> Inventory:
    return {
        ecosystem: _merged(
            {
                name: _package(name, value)
                for name, value in items.items()
                if isinstance(value, str) and value.strip()
            }
        )
        for ecosystem, items in layer.get("packages", layer).items()
        if isinstance(items, Mapping)
    }


def _merged(items: Mapping[str, Package]) -> dict[str, Package]:
    """Packages by name alone: of npm, `name@version`, one may be there in several versions."""
    found: dict[str, Package] = {}
    for name, package in items.items():
        plain = name[:1] + name[1:].partition("@")[0]
        versions = [*([found[plain].version] if plain in found else []), package.version]
        found[plain] = replace(package, version=", ".join(versions))
    return found


def _package(name: str, text: str) -> Package:
    """What is locked of a package: its version, and where its archive keeps that of its source."""
    pool = _POOL.search(text)
    source = pool[1] if pool and pool[1] != name else ""
    return Package(version=text.split(maxsplit=1)[0], size=0, source=source)


def compare(old: Side, new: Side) -> Difference:
    """What `new` has that `old` has not, and the other way round."""
    both = [key for key in _in_order(new.images) if key in old.images]
    pairs = {
        key: (old.images[key], new.images[key])
        for key in both
        if _differ(old.images[key], new.images[key])
    }
    built = {key: pair for key, pair in pairs.items() if pair[1].digest}
    return Difference(
        old=old.name,
        new=new.name,
        noun=new.noun,
        added=tuple(key for key in _in_order(new.images) if key not in old.images),
        removed=tuple(key for key in _in_order(old.images) if key not in new.images),
        changed=tuple(pairs),
        same=len(both) - len(pairs),
        unknown=tuple(k for k, pair in pairs.items() if None in (it.packages for it in pair)),
        unconfigured=tuple(k for k, pair in built.items() if None in (it.config for it in pair)),
        packages=packages(pairs),
        config=settings(pairs),
        sizes=tuple(_resized(key, *pair) for key, pair in built.items()),
        links=_links(pairs),
        total=(_total(old), _total(new)),
        others=(*_lock_changes(old.lock, new.lock), *changes("chart", old.charts, new.charts)),
        relocked=old.lock != new.lock,
    )


def _in_order(images: Mapping[str, Image]) -> list[str]:
    """What others stand on comes first."""
    return sorted(images, key=lambda key: (len(images[key].chain), key))


def _differ(old: Image, new: Image) -> bool:
    return old.digest != new.digest if new.digest else old.packages != new.packages


# Sizes and layers.


def _resized(target: str, old: Image, new: Image) -> Resized:
    before, after = _diffs(old), _diffs(new)
    kept = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        kept += 1
    return Resized(
        name=target,
        size=(old.size, new.size),
        layers=(_layers(old), _layers(new)),
        kept=kept if before and after else None,
    )


def _diffs(image: Image) -> Sequence[str]:
    """The uncompressed digests of its layers."""
    return ((image.config or {}).get("rootfs") or {}).get("diff_ids") or ()


def _layers(image: Image) -> int:
    return len(_diffs(image)) or sum(int(link["layers"]) for link in image.chain)


def _links(pairs: Mapping[str, tuple[Image, Image]]) -> tuple[Resized, ...]:
    """The parts of lineages that have another size or number of layers, the most changed first."""
    before = {link["target"]: link for old, _ in pairs.values() for link in old.chain}
    after = {link["target"]: link for _, new in pairs.values() for link in new.chain}
    having: dict[str, int] = {}
    for _, new in pairs.values():
        for link in new.chain:
            having[link["target"]] = having.get(link["target"], 0) + 1
    found = [
        Resized(
            name=name,
            size=(int(before[name]["size"]), int(link["size"])),
            layers=(int(before[name]["layers"]), int(link["layers"])),
            targets=having[name],
        )
        for name, link in after.items()
        if name in before
    ]
    differing = [it for it in found if it.size[0] != it.size[1] or it.layers[0] != it.layers[1]]
    return tuple(sorted(differing, key=lambda it: (-abs(it.size[1] - it.size[0]), it.name)))


def _total(side: Side) -> int:
    """What the images of a side are together, each link of their chains counted once."""
    links = {link["target"]: int(link["size"]) for it in side.images.values() for link in it.chain}
    return sum(links.values()) + sum(it.size for it in side.images.values() if not it.chain)


# The lock.


def _lock_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    return [
        *changes("base", _bases(old), _bases(new)),
        *changes("suite", _suites(old), _suites(new)),
        *changes("line", _lines(old), _lines(new)),
    ]


def _bases(lock: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: f"{' '.join(map(' '.join, base['source'].items()))} {_short(base['content'])}"
        for key, base in lock.get("bases", {}).items()
    }


def _suites(lock: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"{suite} of {key}": _short(value)
        for key, base in lock.get("bases", {}).items()
        for suite, value in base.get("suites", {}).items()
    }


def _lines(lock: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: item if isinstance(item, str) else str(item["version"])
        for key, item in lock.get("lines", {}).items()
    }


def _short(value: Any) -> str:
    """A hash in twelve digits; what has several parts, one after another."""
    if isinstance(value, Mapping):
        return " ".join(_short(part) for part in value.values())
    text = str(value)
    return text.removeprefix("sha256:")[:12] if _HASH.fullmatch(text) else text
