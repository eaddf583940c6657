"""Fetches what matrix.lock pins of the catalogs below, and chooses what it is to pin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from builder.catalog import yaml_document as documents
from builder.catalog.matrix import repository_of
from builder.catalog.models import Settings
from builder.catalog.policies import FOLLOW_RELEASES, Extends
from builder.catalog_fetch.artefact import source_in, tag_of
from builder.catalog_fetch.git import GitSources
from builder.common.errors import ConfigError, StepError
from builder.common.mappings import mapping
from builder.common.source_content import MATRIX
from builder.lock.lockfile import FILE as LOCK
from builder.lock.pinned import PinnedCatalog, is_exact
from builder.oci.reference import Reference, is_tag
from builder.oci.reference import parse as parse_reference
from builder.overlay.kept_catalogs import FoundSource, SourceFile, check_pin
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import CURRENT, Record

_HEAD = "HEAD"


@dataclass(frozen=True, kw_only=True)
class _Release:
    """A release record, and its digest."""

    record: Record
    digest: str


class FetchedCatalogs:
    """Fetches catalogs from git and from registries, each of which is opened where it is needed."""

    def __init__(
        self, open_git: Callable[[], GitSources], open_store: Callable[[], Registry]
    ) -> None:
        self._open_git = open_git
        self._open_store = open_store

    @cached_property
    def _git(self) -> GitSources:
        return self._open_git()

    @cached_property
    def _store(self) -> Registry:
        return self._open_store()

    def fetch(self, pin: PinnedCatalog) -> FoundSource:
        """Return what is pinned; the caller compares it with the pin."""
        source = pin.source
        if "oci" in source:
            return self._artefact(parse_reference(source["oci"]).at(pin.commit))
        found = self._git.fetch(
            source["git"], pin.commit, source.get("path", ""), source.get("ref", _HEAD)
        )
        if not pin.record:
            return found
        releases = _releases_of(found, pin.registry)
        release = self._release(releases.at(pin.record))
        if release is None:
            raise StepError(f"{releases} has no record of release {pin.release} any more")
        return _with_lock(found, release)

    def newest(self, extends: Extends) -> tuple[PinnedCatalog, FoundSource]:
        """Return what is to be pinned now, with its files."""
        if extends.oci:
            return self._newest_artefact(extends)
        found = self._git.fetch(extends.git, extends.ref or _HEAD, extends.path)
        if extends.follow != FOLLOW_RELEASES:
            return _pin(extends, found), found
        releases = _releases_of(found, extends.registry)
        for release in self._releases(releases, extends.ref):
            made_from = release.record.source
            candidate = found
            if made_from.content != found.content and not is_exact(extends.ref):
                if not made_from.commit:
                    continue
                candidate = self._git.fetch(
                    extends.git, made_from.commit, extends.path, extends.ref or _HEAD
                )
                made = replace(_pin(extends, candidate), content=made_from.content)
                check_pin(extends.default_name, candidate, made, None)
            if candidate.content == made_from.content:
                candidate = _with_lock(candidate, release)
                return _pin(extends, candidate, release), candidate
        raise _unreleased(extends, releases)

    def _newest_artefact(self, extends: Extends) -> tuple[PinnedCatalog, FoundSource]:
        repository = parse_reference(extends.oci)
        ref = extends.ref or tag_of(CURRENT)
        if not extends.ref and extends.follow == FOLLOW_RELEASES:
            # After a rollback the newest source is not that of the current release.
            current = self._release(repository.with_tag(CURRENT))
            ref = tag_of(current.record.release) if current else ref
        reference = repository.with_tag(ref) if is_tag(ref) else repository.at(ref)
        found = self._artefact(reference)
        release = None
        if release_record.is_name(found.release):
            release = self._release(repository.with_tag(found.release))
        if release and release.record.source.content == found.content:
            return _pin(extends, found, release), found
        if extends.follow == FOLLOW_RELEASES:
            raise _unreleased(extends, repository)
        return _pin(extends, found), found

    def _artefact(self, reference: Reference) -> FoundSource:
        digest = self._store.digest(reference)
        artifact = self._store.get(reference.at(digest)) if digest else None
        if digest is None or artifact is None:
            raise StepError(
                f"there is no {reference}",
                hint="a release has its source beside it where `builder publish` made it",
            )
        return source_in(artifact, digest)

    # Releases.

    def _releases(self, repository: Reference, ref: str) -> Iterator[_Release]:
        """Yield the release that a tag of git is called after, and the current one."""
        names = [name for name in (ref.removeprefix("v"),) if release_record.is_name(name)]
        for name in (*names, CURRENT):
            if release := self._release(repository.with_tag(name)):
                yield release

    def _release(self, reference: Reference) -> _Release | None:
        digest = self._store.digest(reference)
        artifact = self._store.get(reference.at(digest)) if digest else None
        if digest is None or artifact is None:
            return None
        blob = artifact.files.get(release_record.FILE)
        if artifact.kind != release_record.KIND or blob is None:
            raise StepError(f"{reference} is not a release record")
        return _Release(record=release_record.parse(blob.data, str(reference)), digest=digest)


def _pin(extends: Extends, found: FoundSource, release: _Release | None = None) -> PinnedCatalog:
    record = release.record if release else None
    return PinnedCatalog(
        source=extends.source,
        commit=found.commit,
        content=found.content,
        lock=found.lock,
        registry=extends.registry,
        release=record.release if record else "",
        record=release.digest if release else "",
        builder=record.source.builder if record else found.builder,
        date=record.day if record else found.date,
    )


def _with_lock(found: FoundSource, release: _Release) -> FoundSource:
    """Return a catalog with the lock of a release, which may not have reached git yet."""
    others = [file for file in found.files if file.path != LOCK]
    lock = SourceFile(path=LOCK, mode=0o644, data=release.record.lock_file)
    return replace(found, files=(*others, lock))


def _releases_of(found: FoundSource, registry: str) -> Reference:
    """Return where the releases of a catalog are. Raises ConfigError where it does not say so."""
    text = next((file.data for file in found.files if file.path == MATRIX), b"")
    document, _ = documents.load(text.decode(errors="replace"), MATRIX)
    said = mapping(document.data, "catalog")
    texts = {key: said[key] for key in ("repository", "embedded") if isinstance(said.get(key), str)}
    settings = Settings(name="upstream", **texts)
    named = said.get("registries")
    first = str(named[0]) if isinstance(named, list) and named else settings.registries[0]
    first = settings.embedded if first == "embedded" else first
    return parse_reference(
        repository_of(
            settings.repository, registry=registry or first, image=release_record.REPOSITORY
        )
    )


def _unreleased(extends: Extends, releases: Reference) -> ConfigError:
    return ConfigError(
        f"no release in {releases} was made from {extends.ref or 'the newest commit'} of"
        f" {extends.git or extends.oci}",
        hint="`follow: commits` takes it, released or not; `registry` says where its images are",
        id="E-CATALOG-UNRELEASED",
    )
