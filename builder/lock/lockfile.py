"""The format of matrix.lock: exact base images, release lines and package sets.

It is JSON, sorted, with a package on each line, so that a diff is readable.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from builder.catalog.ids import BaseId, ValueId
from builder.catalog.models import RemoteFile, Source
from builder.catalog.package_shape import is_digest_by
from builder.catalog.packages import LockedPackage, Packages, Suite
from builder.common.errors import ConfigError, Location
from builder.common.formats import check_format
from builder.common.limits import LOCK, read_json
from builder.lock import package_text, pinned
from builder.lock.pinned import AcceptedPatch, PinnedCatalog
from builder.lock.positions import location_of

FORMAT = 10
_WITHOUT_DETAILS = 9
"""The format of a lock whose packages have no size and no source package: no bytes change."""
_OLDER_KEYS = {"release_lines": "lines", "package_sets": "layers", "request": "asked"}  # until 3
FILE = "matrix.lock"
_Entry = TypeVar("_Entry")
_RESTORE = "restore it from git, or delete it and run `builder lock`"


def is_of_line(tag: str, line: str) -> bool:
    """Whether a version is of an upstream's line, "" for any; both may begin with `v`."""
    return not line or f"{tag.removeprefix('v')}.".startswith(f"{line.removeprefix('v')}.")


@dataclass(frozen=True, kw_only=True)
class Served:
    """Which of several providers a release line has on a base, and its exact version there."""

    provider: str
    version: str


@dataclass(frozen=True, kw_only=True)
class VersionLock:
    """The entry of a release line: its exact version, and by base id the files it comes in.

    A line with several providers has a provider and a version for each base, in `served`, by the
    value of the base, `axis=value`; `version` is "" then.
    """

    version: str = ""
    files: Mapping[str, tuple[RemoteFile, ...]] = field(default_factory=dict)
    served: Mapping[str, Served] = field(default_factory=dict)

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions that it has, each once."""
        return tuple(dict.fromkeys(one.version for one in self.served.values()) or (self.version,))

    def lacks_files(self, base: str) -> bool:
        """Whether it comes in files that it lacks for a base, given by id."""
        value = BaseId(base).value
        kin = (key for key in self.files if not self.served or BaseId(key).value == value)
        return base not in self.files and any(kin)


@dataclass(frozen=True, kw_only=True)
class LockedLines:
    """The versions of release lines, by `axis=value`, for a variant.

    `providers` are those that serve it, of the lines with several.
    """

    versions: Mapping[str, str]
    providers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class PackageSet:
    """The packages that a target adds to its parent, direct and transitive.

    `epoch` is the timestamp in seconds that its files get; it changes only when the packages do.
    `request` is a hash of what the choice of packages depends on: see `requests.RequestKey`.
    """

    epoch: int
    request: str
    packages: Packages


@dataclass(frozen=True, kw_only=True)
class ChartLock:
    """The entry of an upstream's chart: its package, and the images that it runs.

    `digest` is the sha256 of the package at `url`. `pin` says how its values name an image by
    digest: one of PINS. `images` maps what it names by itself, with a tag, to digests.
    """

    version: str
    url: str
    digest: str
    pin: str
    images: Mapping[str, str] = field(default_factory=dict)


DIGEST, TAG_AND_DIGEST, OWN_TAG = PINS = "digest", "tag@digest", "tag"
"""The ways to pin an image, best first: by a value for the digest, behind the tag, or by a tag in a
repository of its own, for a chart that reads the tag as a version."""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """`bases` by base id, `release_lines` by `axis=value`, `package_sets` by target id.

    `charts` has the charts of upstreams, by the name of ours. `containers` has the digests of the
    images that the jobs of a CI system run in, by `name:tag`.

    `upstreams` are the catalogs that this one stands on, by name. `replaces` has the hashes of the
    files below that this catalog replaces, by path, and `patches` what was accepted of its patches,
    by name.
    """

    bases: Mapping[str, BaseLock] = field(default_factory=dict)
    release_lines: Mapping[str, VersionLock] = field(default_factory=dict)
    package_sets: Mapping[str, PackageSet] = field(default_factory=dict)
    containers: Mapping[str, str] = field(default_factory=dict)
    charts: Mapping[str, ChartLock] = field(default_factory=dict)
    upstreams: Mapping[str, PinnedCatalog] = field(default_factory=dict)
    replaces: Mapping[str, str] = field(default_factory=dict)
    patches: Mapping[str, AcceptedPatch] = field(default_factory=dict)

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The exact version of each mirrored image, and of each release line with one provider."""
        mirrored = {BaseId(key).value: base.version for key, base in self.bases.items()}
        lines = {name: line.version for name, line in self.release_lines.items() if not line.served}
        return {**{key: version for key, version in mirrored.items() if version}, **lines}

    def lines_of(self, values: Mapping[str, str]) -> LockedLines:
        """Return the release lines as a variant with these values has them."""
        bases = {ValueId.of(*item) for item in values.items()}
        served = {
            name: one
            for name, version_lock in self.release_lines.items()
            for base, one in version_lock.served.items()
            if base in bases
        }
        return LockedLines(
            versions={**self.versions, **{name: one.version for name, one in served.items()}},
            providers={name: one.provider for name, one in served.items()},
        )

    def epoch(self, target: str, base: str) -> int:
        """Return the timestamp in seconds of a target's files; without packages, its base's."""
        return (
            self.package_sets[target].epoch
            if target in self.package_sets
            else self.base(base).epoch
        )

    def base(self, base: str) -> BaseLock:
        """Return the entry of a base. Raises ConfigError if it has none."""
        try:
            return self.bases[base]
        except KeyError:
            raise ConfigError(
                f"base {base} is not locked",
                hint="run `builder lock`",
                location=Location(file=FILE),
            ) from None


def parse(text: str, file: str = FILE) -> Lock:
    """Read a lock. Raises ConfigError if it is damaged or of a newer format."""
    try:
        data = read_json(text.encode(), LOCK, "it", error=ConfigError)
    except ConfigError as refusal:
        error = refusal.__cause__
        if not isinstance(error, json.JSONDecodeError):
            location = Location(file=file)
            raise ConfigError(
                f"not a lock: {refusal.message}", hint=_RESTORE, location=location
            ) from refusal
        text_lines = text.splitlines()
        source = text_lines[error.lineno - 1] if error.lineno <= len(text_lines) else ""
        raise ConfigError(
            f"not a lock: {error.msg}",
            hint=f"it was cut off or edited by hand; {_RESTORE}",
            location=Location(file=file, line=error.lineno, column=error.colno, source=source),
        ) from error
    return from_data(data, file, text=text)


def position(text: str, path: Sequence[str], file: str = FILE) -> Location:
    """Return the position of an entry in the text of a lock; `path` has its keys of today."""
    section, *keys = path
    older = _OLDER_KEYS.get(section, section)
    is_older = f'"{section}"' not in text
    return location_of(text, (older if is_older else section, *keys), file)


class _EntryError(ValueError):
    """A package set cannot be read; `path` has the keys of the entry."""

    def __init__(self, message: str, path: tuple[str, ...]) -> None:
        super().__init__(message)
        self.path = path


def from_data(data: object, file: str = FILE, hint: str = _RESTORE, text: str = "") -> Lock:
    """Read a lock that is JSON already, of this format or an older one; as `parse` does.

    Errors name `file`, with the position of the entry in `text`, and have `hint` if the lock is
    damaged.
    """
    location = Location(file=file)
    number = data.get("format") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(number, int) or number < 1:
        raise ConfigError("not a lock: it has no format", hint=hint, location=location)
    check_format(number, FORMAT, location)
    lines_key, sets_key, request_key = (_key(name, number) for name in _OLDER_KEYS)
    has_details = number > _WITHOUT_DETAILS
    try:
        return Lock(
            bases={name: _base(item) for name, item in data["bases"].items()},
            release_lines={name: _release_line(item) for name, item in data[lines_key].items()},
            package_sets={
                name: _package_set(name, item, request_key, has_details=has_details)
                for name, item in data[sets_key].items()
            },
            containers=_section(data, "containers", _container),
            charts=_section(data, "charts", _chart),
            upstreams=_section(data, "upstreams", pinned.pinned),
            replaces=_section(data, "replaces", pinned.replaced),
            patches=_section(data, "patches", pinned.accepted),
        )
    except _EntryError as error:
        location = position(text, error.path, file) if text else location
        raise ConfigError(f"not a lock: {error}", hint=hint, location=location) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"not a lock: {_reason(error)}",
            hint=hint,
            location=location,
        ) from error


def _section(
    data: Mapping[str, Any], key: str, read: Callable[[str, Any], _Entry]
) -> dict[str, _Entry]:
    """Return the entries of a section that may be missing."""
    return {name: read(name, item) for name, item in data.get(key, {}).items()}


def _container(name: str, digest: object) -> str:
    if not isinstance(digest, str) or not is_digest_by(digest, "sha256"):
        raise ValueError(f"container {name} is not a digest: {digest!r}")
    return digest


def _chart(name: str, item: Mapping[str, Any]) -> ChartLock:
    chart = ChartLock(
        version=str(item["version"]),
        url=str(item["url"]),
        digest=str(item["digest"]),
        pin=str(item["pin"]),
        images={str(image): str(digest) for image, digest in item["images"].items()},
    )
    if wrong := [it for it in (chart.digest, *chart.images.values()) if not _is_sha256(it)]:
        raise ValueError(f"chart {name}: not a digest: {wrong[0]!r}")
    if chart.pin not in PINS:
        raise ValueError(f"chart {name}: its pin is one of {', '.join(PINS)}, not {chart.pin!r}")
    return chart


def _is_sha256(text: str) -> bool:
    return is_digest_by(text, "sha256")


def _key(name: str, number: int) -> str:
    """Return what a key is called in a format."""
    return name if number > 3 else _OLDER_KEYS[name]


def dump(lock: Lock) -> str:
    """Return the text of a lock: the same lock gives the same bytes."""
    return json.dumps(as_data(lock), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def as_data(lock: Lock) -> dict[str, Any]:
    """Return a lock as plain data."""
    sets = [package_set.packages for package_set in lock.package_sets.values()]
    return {
        "format": FORMAT if package_text.have_details(sets) else _WITHOUT_DETAILS,
        **({"containers": dict(lock.containers)} if lock.containers else {}),
        **({"charts": _charts_data(lock.charts)} if lock.charts else {}),
        **_upstreams_data(lock),
        "bases": {
            name: {
                "source": _source_data(base.source),
                "content": base.content,
                **({"version": base.version, "manifest": base.manifest} if base.version else {}),
                "epoch": base.epoch,
                "suites": {
                    suite: _suite_data(suite_lock) for suite, suite_lock in base.suites.items()
                },
            }
            for name, base in lock.bases.items()
        },
        "release_lines": {
            name: _line_data(version_lock) for name, version_lock in lock.release_lines.items()
        },
        "package_sets": {
            name: _package_set_data(package_set) for name, package_set in lock.package_sets.items()
        },
    }


def _upstreams_data(lock: Lock) -> dict[str, Any]:
    """Return what a lock says of the catalogs below, without what is empty."""
    sections = {
        "upstreams": {name: pinned.pinned_data(pin) for name, pin in lock.upstreams.items()},
        "replaces": dict(lock.replaces),
        "patches": {name: pinned.accepted_data(item) for name, item in lock.patches.items()},
    }
    return {name: section for name, section in sections.items() if section}


def _charts_data(charts: Mapping[str, ChartLock]) -> dict[str, Any]:
    return {
        name: {
            "version": chart.version,
            "url": chart.url,
            "digest": chart.digest,
            "pin": chart.pin,
            "images": dict(chart.images),
        }
        for name, chart in charts.items()
    }


def _line_data(version_lock: VersionLock) -> str | dict[str, Any]:
    """Return a release line as data; only its version if it has nothing else."""
    if not version_lock.files and not version_lock.served:
        return version_lock.version
    files = {
        base: {file.name: {"url": file.url, "sha256": file.sha256} for file in files}
        for base, files in version_lock.files.items()
    }
    if not version_lock.served:
        return {"version": version_lock.version, "files": files}
    served = {
        base: {"provider": one.provider, "version": one.version}
        for base, one in version_lock.served.items()
    }
    return {"served": served, **({"files": files} if files else {})}


def _release_line(item: str | Mapping[str, Any]) -> VersionLock:
    if isinstance(item, str):
        return VersionLock(version=item)
    served = {
        base: Served(provider=str(one["provider"]), version=str(one["version"]))
        for base, one in item.get("served", {}).items()
    }
    return VersionLock(
        version="" if served else str(item["version"]),
        served=served,
        files={
            base: tuple(
                RemoteFile(name=name, url=str(file["url"]), sha256=str(file["sha256"]))
                for name, file in by_name.items()
            )
            for base, by_name in item.get("files", {}).items()
        },
    )


def _package_set_data(package_set: PackageSet) -> dict[str, Any]:
    packages = {
        ecosystem: {name: package_text.written(package) for name, package in packages.items()}
        for ecosystem, packages in package_set.packages.items()
    }
    return {"epoch": package_set.epoch, "request": package_set.request, "packages": packages}


def _package_set(
    target: str, item: Mapping[str, Any], request: str, *, has_details: bool
) -> PackageSet:
    return PackageSet(
        epoch=int(item["epoch"]),
        request=str(item[request]),
        packages={
            ecosystem: {
                name: _package(target, ecosystem, name, text, has_details=has_details)
                for name, text in packages.items()
            }
            for ecosystem, packages in item["packages"].items()
        },
    )


def _package(
    target: str, ecosystem: str, name: str, text: str, *, has_details: bool
) -> LockedPackage:
    try:
        return package_text.read(text, has_details=has_details)
    except ValueError as error:
        path = ("package_sets", target, "packages", ecosystem, name)
        raise _EntryError(f"{target}: package {name} is not {error}", path) from error


def _reason(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def _source_data(source: Source) -> dict[str, Any]:
    return {source.kind: source.value, **({"expired": True} if source.expired else {})}


def _source(item: Mapping[str, Any]) -> Source:
    source = Source(**item)
    (value,) = source.given.values()
    if not isinstance(value, str):
        raise TypeError(f"not a source: {value!r}")
    return source


def _base(item: Mapping[str, Any]) -> BaseLock:
    return BaseLock(
        source=_source(item["source"]),
        content=str(item["content"]),
        version=str(item.get("version", "")),
        manifest=str(item.get("manifest", "")),
        epoch=int(item["epoch"]),
        suites={str(name): _suite(suite) for name, suite in item["suites"].items()},
    )


def _suite_data(suite: Suite) -> str | dict[str, str]:
    """Return a suite as data; only its hash if its date is not known, as in older locks."""
    if not suite.date:
        return suite.sha256
    return {"date": suite.date, "inrelease_sha256": suite.sha256}


def _suite(item: str | Mapping[str, Any]) -> Suite:
    if isinstance(item, str):
        return Suite(date="", sha256=item)
    return Suite(date=str(item["date"]), sha256=str(item["inrelease_sha256"]))


@dataclass(frozen=True, kw_only=True)
class BaseLock:
    """The entry of a base image.

    `content` is a digest: of the uncompressed root file system for a bootstrap, of the manifest
    for a registry. `epoch` is in seconds. `suites` are those of its archive, by name.

    Of a mirrored image, `content` is the digest of what its tag named, an index as a rule;
    `version` is that tag, and `manifest` the digest of the image for the platform of the base.
    """

    source: Source
    content: str
    epoch: int
    suites: Mapping[str, Suite] = field(default_factory=dict)
    version: str = ""
    manifest: str = ""
