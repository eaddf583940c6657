"""Whether a lock says only what the sources of its entries can have said. Pure.

A lock is long, a program writes it, and few people read it: it is no more believed than an index.
What it names becomes paths, URLs and words of commands, so it is verified before each use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from builder.catalog.ecosystem import Ecosystems
from builder.catalog.ids import BaseId, ValueId
from builder.catalog.models import Catalog, Matrix, RemoteFile, Source
from builder.catalog.package_shape import VERSION, is_digest_by, is_file_name
from builder.catalog.packages import Packages
from builder.common.errors import BuilderError, ConfigError, Location
from builder.lock.lockfile import FILE, BaseLock, Lock, VersionLock, position
from builder.oci.reference import is_tag

UrlStarts = Callable[[str, str], "tuple[str, ...] | None"]
"""Returns how the URLs of files of a release line, `axis=value`, in a version may begin; None for
a release line that the catalog does not have."""
_SUITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~+-]{0,127}")
_SHOWN = 20
_Item = TypeVar("_Item")
_HINT = (
    "somebody or something else than `builder lock` wrote it: restore it from git, or let"
    " `builder lock` look this entry up again"
)


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """What is wrong with an entry of a lock.

    `section` and `subject` are its keys: `bases`, `release_lines` or `package_sets`, and the id of
    a base, a release line or a target. `path` are the keys below it.
    """

    section: str
    subject: str
    path: tuple[str, ...]
    problem: str

    @property
    def message(self) -> str:
        """What is wrong, with the entry."""
        return f"{self.subject}: {self.problem}"


def flaws(lock: Lock, catalog: Catalog, url_starts: UrlStarts) -> Iterator[Flaw]:
    """Yield what is wrong with a lock, in the order of its sections."""
    yield from _flaws_of("bases", lock.bases, lambda name, item: _base(name, item, catalog.matrix))
    yield from _flaws_of(
        "release_lines",
        lock.release_lines,
        lambda name, item: _release_line(item, _url_starts(url_starts, name, item)),
    )
    seen: set[tuple[str, str, object]] = set()  # most packages are in several sets
    yield from _flaws_of(
        "package_sets",
        lock.package_sets,
        lambda _name, item: _packages(item.packages, catalog.ecosystems, seen),
    )


def errors_of(found: Iterable[Flaw], text: str = "", hint: str = _HINT) -> list[BuilderError]:
    """Return an error for each flaw, with its position in the text of matrix.lock."""
    errors: list[BuilderError] = [
        ConfigError(flaw.message, hint=hint, location=_location(flaw, text)) for flaw in found
    ]
    if len(errors) > _SHOWN:
        more = ConfigError(f"{len(errors) - _SHOWN} more entries of {FILE} are wrong", hint=hint)
        return [*errors[:_SHOWN], more]
    return errors


def without(lock: Lock, found: Iterable[Flaw]) -> Lock:
    """Return a lock without the entries that are wrong, so that they are looked up again."""
    subjects = {(flaw.section, flaw.subject) for flaw in found}
    return replace(
        lock,
        bases=_others("bases", lock.bases, subjects),
        release_lines=_others("release_lines", lock.release_lines, subjects),
        package_sets=_others("package_sets", lock.package_sets, subjects),
    )


def _others(
    section: str, items: Mapping[str, _Item], subjects: set[tuple[str, str]]
) -> dict[str, _Item]:
    return {name: item for name, item in items.items() if (section, name) not in subjects}


def _location(flaw: Flaw, text: str) -> Location:
    if not text:
        return Location(file=FILE)
    return position(text, (flaw.section, flaw.subject, *flaw.path))


def _flaws_of(
    section: str,
    items: Mapping[str, _Item],
    problems: Callable[[str, _Item], Iterable[tuple[tuple[str, ...], str]]],
) -> Iterator[Flaw]:
    for name, item in items.items():
        for path, problem in problems(name, item):
            yield Flaw(section=section, subject=name, path=path, problem=problem)


def _base(name: str, base: BaseLock, matrix: Matrix) -> Iterator[tuple[tuple[str, ...], str]]:
    sources = _sources(BaseId(name).value, matrix)
    if sources is not None and base.source not in sources:
        yield ("source",), f"matrix.yaml does not name its source {base.source}"
    if not is_digest_by(base.content, "sha256"):
        yield ("content",), f"its content {base.content!r} is not a sha256"
    if (base.source.kind == "image") != bool(base.version):
        yield ("version",), "only a mirrored image has a version"
    if base.version and not is_tag(base.version):
        yield ("version",), f"{base.version!r} is not a tag"
    if base.version and not is_digest_by(base.manifest, "sha256"):
        yield ("manifest",), f"its manifest {base.manifest!r} is not a sha256"
    for suite_name, suite in base.suites.items():
        if not _SUITE.fullmatch(suite_name):
            yield ("suites", suite_name), f"{suite_name!r} is not the name of a suite"
        if not is_digest_by(f"sha256:{suite.sha256}", "sha256"):
            yield ("suites", suite_name), f"the hash of its suite {suite_name} is not a sha256"


def _sources(value_id: ValueId, matrix: Matrix) -> tuple[Source, ...] | None:
    """Return the sources of a base; None if the matrix does not have it."""
    values = matrix.axes.get(value_id.axis, ())
    return next((value.sources for value in values if value.id == value_id), None)


def _url_starts(
    url_starts: UrlStarts, name: str, version_lock: VersionLock
) -> tuple[str, ...] | None:
    """Return how the URLs of the files of a release line may begin, in any of its versions."""
    starts = [url_starts(name, version) for version in version_lock.versions]
    known = [start for start in starts if start is not None]
    return tuple(dict.fromkeys(url for start in known for url in start)) if known else None


def _release_line(
    version_lock: VersionLock, starts: tuple[str, ...] | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    if not version_lock.served and not VERSION.fullmatch(version_lock.version):
        yield ("version",), f"{version_lock.version!r} is not a version"
    for base, one in version_lock.served.items():
        if not VERSION.fullmatch(one.version):
            yield ("served", base, "version"), f"{one.version!r} is not a version"
    for base, files in version_lock.files.items():
        for file in files:
            for problem in _file(file, starts):
                yield ("files", base, file.name), problem


def _file(file: RemoteFile, starts: tuple[str, ...] | None) -> Iterator[str]:
    if not is_file_name(file.name):
        yield f"{file.name!r} is not the name of a file"
    if not is_digest_by(f"sha256:{file.sha256}", "sha256"):
        yield f"the hash of {file.name} is not a sha256"
    if starts is None:
        return  # nothing uses it, and the next lock drops it
    if not any(_is_below(file.url, start) for start in starts):
        origin = f"it has {' and '.join(starts)}" if starts else "it has files of none"
        yield f"{file.url!r} is not of a source of its provider: {origin}"


def _is_below(url: str, start: str) -> bool:
    """Whether a URL is `start`, or goes on after it without leaving its folder."""
    is_plain = not re.search(r"[\s\\\x00-\x1f\x7f]|/\.\.?(?:/|$)|%2e%2e|%2f", url, re.IGNORECASE)
    return is_plain and (url == start or (url.startswith(start) and start.endswith("/")))


def _packages(
    packages: Packages, ecosystems: Ecosystems, seen: set[tuple[str, str, object]]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for ecosystem, items in packages.items():
        if ecosystem not in ecosystems:
            continue  # `rules_of` refuses its use
        shape = ecosystems[ecosystem].shape
        for name, package in items.items():
            key = ecosystem, name, package
            if key in seen:
                continue
            if problem := shape.flaw(name, package):
                yield ("packages", ecosystem, name), f"{ecosystem} package {name}: {problem}"
            else:
                seen.add(key)
