"""The release record: the one file that says what a release contains; and names of releases.

All tags and the chart index follow from the record, so any later run can write them again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from builder.common.errors import ConfigError, Location
from builder.common.formats import check_format
from builder.common.hashing import is_digest
from builder.common.limits import ARTIFACT_FILE, read_json
from builder.lock import lockfile
from builder.lock.lockfile import Lock
from builder.oci.reference import is_tag

FORMAT = 5
KIND = "application/vnd.onyxia.catalog.release.v1+json"
FILE = "release.json"
CURRENT = "current"
REPOSITORY = "releases"  # in place of an image's name
CHARTS = "charts"
_CHART_FILE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,249}")  # a name and a version
_NAME = re.compile(r"\d{4}\.\d{2}\.\d{2}(\.[1-9]\d*)?")


@dataclass(frozen=True, kw_only=True)
class ImageShare:
    """What one image of a lineage adds to its parent: layers, and their compressed size in bytes.

    Of a base image it is all of it, and `recipe` is empty.
    """

    target: str
    recipe: str
    layers: int
    size: int


def parse_shares(items: Iterable[Mapping[str, Any]]) -> tuple[ImageShare, ...]:
    """Read shares from JSON. Raises KeyError, TypeError or ValueError where they are damaged."""
    return tuple(
        ImageShare(
            target=str(item["target"]),
            recipe=str(item["recipe"]),
            layers=int(item["layers"]),
            size=int(item["size"]),
        )
        for item in items
    )


@dataclass(frozen=True, kw_only=True)
class MadeFrom:
    """What a release was made from: a commit, the content of its files, and by which builder.

    The commit is "" outside of git, and all are in the record of an older builder.
    """

    commit: str = ""
    content: str = ""
    builder: str = ""


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """Where an image that was not built here comes from.

    `catalog` and `release` are those that the record of which names it; `reference` has the digest.
    """

    catalog: str
    release: str
    reference: str

    def __str__(self) -> str:
        return f"{self.catalog} {self.release}"


@dataclass(frozen=True, kw_only=True)
class ReleasedTarget:
    """A target as it was released. `size` is in bytes, of compressed blobs.

    Fields that a record of an older builder lacks have a default: `seconds` are those of its
    build and test, `memory` and `disk` the most bytes that these needed; `shares` are
    those of its lineage, the base image first, its own last.
    """

    image: str
    digest: str
    size: int
    fingerprint: str
    parts: Mapping[str, str]
    exact: str  # the tag of its exact versions
    rolling: tuple[str, ...]
    since: str  # the release in which this digest first appeared
    publish: bool = True
    tests: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    shares: tuple[ImageShare, ...] = ()
    tests_hash: str = ""  # of the tests that it passed
    adopted: Adopted | None = None  # None where it was built here
    memory: int | None = None  # None where it was not measured
    disk: int | None = None

    @property
    def added(self) -> int:
        """Return the compressed bytes that it adds to its parent; 0 where that is not known."""
        return self.shares[-1].size if self.shares else 0

    @property
    def tag(self) -> str:
        """Return the tag of its fingerprint."""
        return f"fp-{self.fingerprint[:32]}"

    def immutable(self, release: str) -> tuple[str, ...]:
        """Return the tags that never move."""
        tags = [f"{self.exact}-{release}", f"{self.exact}-{self.since}"]
        return (self.tag, *dict.fromkeys(tags))


@dataclass(frozen=True, kw_only=True)
class ReleasedVariant:
    """A variant of several platforms as it was released: its tags name an index."""

    digest: str  # of the index
    since: str  # the release that first had this index
    targets: Mapping[str, str]  # by platform, the id of its target

    def immutable(self, exact: str, release: str) -> tuple[str, ...]:
        """Return the tags that never move."""
        return tuple(dict.fromkeys([f"{exact}-{release}", f"{exact}-{self.since}"]))


@dataclass(frozen=True, kw_only=True)
class ReleasedChart:
    """A chart as it was released. `listed` maps every version in the index to its package."""

    version: str
    fingerprint: str
    images: tuple[str, ...]
    values: Mapping[str, str]  # the type of every value, by path
    listed: Mapping[str, Mapping[str, str]]  # version to {"digest", "created", "manifest"}


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a release contains.

    `lock_data` is its lock as JSON, of the format that it was written in. Few commands read it.
    """

    catalog: str
    release: str
    previous: str | None
    lock_data: Mapping[str, Any]
    targets: Mapping[str, ReleasedTarget]
    charts: Mapping[str, ReleasedChart]
    bases: Mapping[str, str]  # base id to the digest of its image
    blocked: Mapping[str, str]  # step, or `variant:<id>`, to reason: what did not pass
    variants: Mapping[str, ReleasedVariant] = field(
        default_factory=dict
    )  # those of several platforms
    source: MadeFrom = MadeFrom()

    @cached_property
    def lock(self) -> Lock:
        """Return the lock of the release. Raises ConfigError where it is damaged or newer."""
        return lockfile.from_data(
            self.lock_data,
            f"the lock of release {self.release}",
            "its record in the registry is damaged: name another release",
        )

    @property
    def lock_file(self) -> bytes:
        """Return the lock of the release as a file, in the format that it was written in."""
        text = json.dumps(self.lock_data, indent=1, sort_keys=True, ensure_ascii=False)
        return f"{text}\n".encode()

    @property
    def day(self) -> str:
        """Return the day of the release, YYYY-MM-DD."""
        return day(self.release)

    def manifests(self, variant: str) -> dict[str, str]:
        """Return the digests, by platform, in the index of a variant."""
        targets = self.variants[variant].targets
        return {platform: self.targets[key].digest for platform, key in targets.items()}

    def since(
        self, variant: str, exact: str, members: Mapping[str, str], digests: Mapping[str, str]
    ) -> str | None:
        """Return since which release the tag `exact` of a variant names these digests.

        None if it does not yet. `members` are its target ids by platform, `digests` are by target
        id.
        """
        old = {key: self.targets.get(key) for key in members.values()}
        for key, item in old.items():
            if item is None or (item.exact, item.digest) != (exact, digests.get(key)):
                return None
        if variant in self.variants:
            index = self.variants[variant]
            return index.since if index.targets == members else None
        return next((item.since for item in old.values() if item and len(old) == 1), None)


def name(today: str, releases: Iterable[str]) -> str:
    """Return the name of a new release: the day, with `.1`, `.2` … if that is taken."""
    day = today.replace("-", ".")
    names = set(releases)
    candidate, number = day, 0
    while candidate in names:
        number += 1
        candidate = f"{day}.{number}"
    return candidate


def order(name: str) -> tuple[int, ...]:
    """Return the key that sorts releases, the oldest first."""
    return tuple(map(int, name.split(".")))


def day(name: str) -> str:
    """Return the day of a release, YYYY-MM-DD."""
    return "-".join(name.split(".")[:3])


def moment(name: str) -> str:
    """Return when a release was made, as an index of charts has it: RFC 3339."""
    return f"{day(name)}T00:00:00Z"


def is_name(text: str) -> bool:
    """Whether a tag of the repository of releases is the name of one."""
    return _NAME.fullmatch(text) is not None


def dump(record: Record) -> bytes:
    """Return the record as JSON, sorted: the same record gives the same bytes."""
    data = {"format": FORMAT, **asdict(record)}
    data["lock"] = data.pop("lock_data")
    for target in data["targets"].values():
        for key in ("adopted", "memory", "disk"):
            if target[key] is None:
                del target[key]
    return (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def parse(data: bytes, file: str = FILE) -> Record:
    """Read a record of this format or an older one; `file` is what an error names.

    Raises ConfigError if it is of a newer format, or damaged.
    """
    location = Location(file=file)
    try:
        fields = read_json(
            data,
            ARTIFACT_FILE,
            "the release record",
            error=lambda message: ConfigError(message, location=location),
        )
        number = fields.pop("format")
        check_format(number, FORMAT, location)
        if number < 3:
            _rename_older_keys(fields)
        fields["targets"] = {key: _target(item) for key, item in fields["targets"].items()}
        fields["variants"] = {
            key: ReleasedVariant(**{**item, "digest": _digest(item["digest"])})
            for key, item in fields["variants"].items()
        }
        fields["charts"] = {key: _chart(key, item) for key, item in fields["charts"].items()}
        fields["bases"] = {key: _digest(digest) for key, digest in fields["bases"].items()}
        fields["lock_data"] = fields.pop("lock")
        fields["source"] = MadeFrom(**_texts(fields.get("source", {})))
        return Record(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"not a release record: {error!r}", location=location) from error


def _rename_older_keys(fields: dict[str, Any]) -> None:
    """Give a record of format 1 or 2 the keys of format 3. The first had one platform only."""
    fields["variants"] = fields.pop("cells", {})
    for target in fields["targets"].values():
        target["shares"] = target.pop("chain", ())
        target["tests_hash"] = target.pop("suite", "")
    fields["blocked"] = {
        key.replace("cell:", "variant:") if key.startswith("cell:") else key: reason
        for key, reason in fields["blocked"].items()
    }


def _target(item: Mapping[str, Any]) -> ReleasedTarget:
    fields = {
        **item,
        "digest": _digest(item["digest"]),
        "exact": _tag(item["exact"]),
        "rolling": tuple(map(_tag, item["rolling"])),
        "shares": parse_shares(item["shares"]),
        "tests_hash": str(item["tests_hash"]),
        "adopted": Adopted(**_texts(item["adopted"])) if item.get("adopted") else None,
    }
    for key in ("memory", "disk"):
        if type(number := fields.get(key, 1)) is not int or number <= 0:
            raise ValueError(f"{number!r} is not a number of bytes")
    return ReleasedTarget(**fields)


def _chart(name: str, item: Mapping[str, Any]) -> ReleasedChart:
    """Read a chart; its name and its versions become names of files."""
    for version, listed in item["listed"].items():
        _digest(listed["manifest"])
        _digest(f"sha256:{listed['digest']}")
        if not _CHART_FILE.fullmatch(f"{name}-{version}"):
            raise ValueError(f"chart {name!r} has a version {version!r}")
    return ReleasedChart(**{**item, "images": tuple(item["images"])})


def _texts(item: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in item.items()}


def _digest(value: object) -> str:
    if not is_digest(value):
        raise ValueError(f"{value!r} is not a digest")
    return str(value)


def _tag(value: object) -> str:
    if not isinstance(value, str) or not is_tag(value):
        raise ValueError(f"{value!r} is not a tag")
    return value


def same_content(old: Record, new: Record) -> bool:
    """Whether two records publish the same content, whatever their releases are called."""
    return (
        (old.bases, old.blocked, old.charts) == (new.bases, new.blocked, new.charts)
        and (_plain(old), _indexes(old)) == (_plain(new), _indexes(new))
        and (old.lock_data == new.lock_data or old.lock == new.lock)
    )


def _plain(record: Record) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {key: (item.digest, item.rolling) for key, item in record.targets.items()}


def _indexes(record: Record) -> dict[str, str]:
    return {key: variant.digest for key, variant in record.variants.items()}
