"""Compare two releases, two locks, or two images. Data in, data out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from builder.catalog.ids import TargetId
from builder.catalog.packages import LockedPackage, Package
from builder.diff.changes import Change, Image, Shared, changes, packages, settings
from builder.lock.lockfile import Lock

_HASH = re.compile(r"(sha256:)?[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two things to compare. `images` are by target id.

    `noun` is what its images are called: target, image or layer.
    """

    name: str
    noun: str
    images: Mapping[str, Image] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    charts: Mapping[str, str] = field(default_factory=dict)  # name to version


@dataclass(frozen=True, kw_only=True)
class Resized:
    """A change of size: compressed bytes and number of layers, each before and after.

    For an image, `kept` is how many of its lowest layers did not change, None where that is not
    known. For the share of one image of a lineage, `targets` is how many targets have it.
    """

    name: str
    size: tuple[int, int]
    layers: tuple[int, int]
    kept: int | None = None
    targets: int = 1


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All that differs. `unknown` and `unconfigured` are the targets of `changed` whose packages,
    or whose configuration, are not known on both sides. `adopted` says of those that are new or
    changed, and were not built here, where they come from."""

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
    links: tuple[Resized, ...] = ()  # of the share of each image of a lineage
    total: tuple[int, int] = (0, 0)  # bytes; a share that images have in common counts once
    others: tuple[Change, ...] = ()  # of bases, suites, release lines and charts
    relocked: bool = False  # whether the locks differ, even if only in hashes or times
    adopted: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.others or self.relocked)


def lock_side(name: str, lock: Lock) -> Side:
    """Return a lock as a side: its package sets are compared as images are."""
    images = {
        target: Image(
            name=TargetId(target).image,
            packages={
                ecosystem: _packages(items) for ecosystem, items in package_set.packages.items()
            },
        )
        for target, package_set in lock.package_sets.items()
    }
    return Side(name=name, noun="layer", images=images, lock=lock)


def _packages(locked: Mapping[str, LockedPackage]) -> dict[str, Package]:
    """Return packages by name alone: of npm, `name@version`, a name may have several versions."""
    packages: dict[str, Package] = {}
    for key, item in locked.items():
        name = key[:1] + key[1:].partition("@")[0]
        version = f"{packages[name].version}, {item.version}" if name in packages else item.version
        source = "" if item.source_package == key else item.source_package
        packages[name] = Package(version=version, size=0, source=source)
    return packages


def compare(old: Side, new: Side) -> Difference:
    """Return what differs between two sides."""
    common = [key for key in _in_order(new.images) if key in old.images]
    pairs = {
        key: (old.images[key], new.images[key])
        for key in common
        if _differ(old.images[key], new.images[key])
    }
    added = tuple(key for key in _in_order(new.images) if key not in old.images)
    built = {key: pair for key, pair in pairs.items() if pair[1].digest}
    return Difference(
        old=old.name,
        new=new.name,
        noun=new.noun,
        added=added,
        removed=tuple(key for key in _in_order(old.images) if key not in new.images),
        changed=tuple(pairs),
        same=len(common) - len(pairs),
        unknown=tuple(
            key for key, pair in pairs.items() if None in [image.packages for image in pair]
        ),
        unconfigured=tuple(
            key for key, pair in built.items() if None in [image.config for image in pair]
        ),
        packages=packages(pairs),
        config=settings(pairs),
        sizes=tuple(_resized(key, *pair) for key, pair in built.items()),
        links=_links(pairs),
        total=(_total(old), _total(new)),
        others=(*_lock_changes(old.lock, new.lock), *changes("chart", old.charts, new.charts)),
        relocked=old.lock != new.lock,
        adopted={
            key: new.images[key].adopted for key in (*pairs, *added) if new.images[key].adopted
        },
    )


def _in_order(images: Mapping[str, Image]) -> list[str]:
    """Return the ids of images, ancestors before descendants."""
    return sorted(images, key=lambda key: (len(images[key].shares), key))


def _differ(old: Image, new: Image) -> bool:
    return old.digest != new.digest if new.digest else old.packages != new.packages


# Sizes and layers.


def _resized(target: str, old: Image, new: Image) -> Resized:
    before, after = _diffs(old), _diffs(new)
    unchanged = 0
    for old_layer, new_layer in zip(before, after, strict=False):
        if old_layer != new_layer:
            break
        unchanged += 1
    return Resized(
        name=target,
        size=(old.size, new.size),
        layers=(_layers(old), _layers(new)),
        kept=unchanged if before and after else None,
    )


def _diffs(image: Image) -> Sequence[str]:
    """Return the digests of an image's uncompressed layers."""
    return ((image.config or {}).get("rootfs") or {}).get("diff_ids") or ()


def _layers(image: Image) -> int:
    return len(_diffs(image)) or sum(share.layers for share in image.shares)


def _links(pairs: Mapping[str, tuple[Image, Image]]) -> tuple[Resized, ...]:
    """Return the shares of lineages whose size or layers changed, the largest change first."""
    before = {share.target: share for old, _ in pairs.values() for share in old.shares}
    after = {share.target: share for _, new in pairs.values() for share in new.shares}
    targets = Counter(share.target for _, new in pairs.values() for share in new.shares)
    resized = [
        Resized(
            name=name,
            size=(before[name].size, share.size),
            layers=(before[name].layers, share.layers),
            targets=targets[name],
        )
        for name, share in after.items()
        if name in before and (before[name].size, before[name].layers) != (share.size, share.layers)
    ]
    return tuple(sorted(resized, key=lambda row: (-abs(row.size[1] - row.size[0]), row.name)))


def _total(side: Side) -> int:
    """Return the size of all images of a side together; a share that is in several counts once."""
    images = side.images.values()
    shares = {share.target: share.size for image in images for share in image.shares}
    return sum(shares.values()) + sum(image.size for image in images if not image.shares)


# The lock.


def _lock_changes(old: Lock, new: Lock) -> list[Change]:
    return [
        *changes("base", _bases(old), _bases(new)),
        *changes("suite", _suites(old), _suites(new)),
        *changes("upstream chart", _charts(old), _charts(new)),
        *changes("line", _lines(old), _lines(new)),
    ]


def _lines(lock: Lock) -> dict[str, str]:
    """Return the versions of release lines; of those with several providers for each base."""
    served = {
        f"{name} on {base}": f"{one.version} of {one.provider}"
        for name, version_lock in lock.release_lines.items()
        for base, one in version_lock.served.items()
    }
    return {**lock.versions, **served}


def _bases(lock: Lock) -> dict[str, str]:
    words = {
        key: (base.source.kind, base.source.value, base.version, _short(base.content))
        for key, base in lock.bases.items()
    }
    return {key: " ".join(filter(None, parts)) for key, parts in words.items()}


def _charts(lock: Lock) -> dict[str, str]:
    """Return the charts of upstreams, and the images that each runs."""
    charts = {
        name: f"{chart.version} {_short(chart.digest)}, pinned by {chart.pin}"
        for name, chart in lock.charts.items()
    }
    images = {
        f"{image} of {name}": _short(digest)
        for name, chart in lock.charts.items()
        for image, digest in chart.images.items()
    }
    return charts | images


def _suites(lock: Lock) -> dict[str, str]:
    return {
        f"{name} of {key}": f"{suite.date} {_short(suite.sha256)}".lstrip()
        for key, base in lock.bases.items()
        for name, suite in base.suites.items()
    }


def _short(text: str) -> str:
    """Return a hash in twelve digits, and any other text as it is."""
    return text.removeprefix("sha256:")[:12] if _HASH.fullmatch(text) else text
