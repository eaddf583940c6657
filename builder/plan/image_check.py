"""Holds images of the registry against their metadata and their parents.

The tag of a fingerprint follows from the catalog and the lock, so anybody can compute it: that an
image has it says nothing. Its metadata must state its digest and the whole fingerprint, and what
it was built on must be there. Nothing here tells who wrote the metadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.catalog.ids import BaseId, TargetId
from builder.common.errors import (
    BuilderError,
    DamagedError,
    DifferenceError,
    StepError,
    TrustError,
    raise_all,
)
from builder.common.parallel import in_parallel
from builder.engines.interfaces import CHROOT
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan import image_metadata
from builder.plan.fingerprint import Fingerprint
from builder.registry.interfaces import Artifact, Part, Registry, Summary
from builder.registry.release_record import ImageShare, ReleasedTarget
from builder.trust.seals import AS_IS, IMAGE, PLAIN, Seals

NO_METADATA = "it has no metadata, so nothing says what it was built from and which tests it passed"
IN_CHROOT = "it was built in a chroot, which keeps a build from nothing else on its machine"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")


def quick_problem(
    store: Registry,
    image: Reference,
    digest: str,
    fingerprint: Fingerprint,
    released: ReleasedTarget | None,
    *,
    takes_chroot: bool = False,
) -> str:
    """Return why the image at the tag of a fingerprint is not believed, or "".

    It is for plans: one request where `released`, the entry of the current release, has the same
    image, and else two. Its parents are not looked at. `takes_chroot`: as of `ImageCheck`.
    """
    reference = image_metadata.reference_of(image)
    try:
        summary = store.summary(reference)
        if summary is None:
            return NO_METADATA
        if problem := _other_fingerprint(
            _stated_fingerprint(store, reference, summary, fingerprint), fingerprint.digest
        ):
            return problem
        if released and summary.config.digest in image_metadata.config_digests(released):
            return _other_digest(released.digest, digest)
        config = image_metadata.config_of(store.content(reference, summary.config), reference)
        return _other_digest(config.get("digest"), digest) or _unisolated(
            config, takes_chroot=takes_chroot
        )
    except DamagedError as error:
        return _unreadable(error)


def artifact_problem(
    metadata: Artifact, reference: Reference, digest: str, fingerprint: str
) -> str:
    """Return why metadata that was fetched is not that of an image, or "".

    `digest` and `fingerprint` are those of the image. Its parents are not looked at.
    """
    document = metadata.files.get(image_metadata.DOCUMENT)
    try:
        if document is None:
            raise image_metadata.damaged(reference)
        config = image_metadata.config_of(metadata.config, reference)
        return (
            _other_fingerprint(_fingerprint_of(document.data, reference), fingerprint)
            or _other_digest(config.get("digest"), digest)
            or _unisolated(config, takes_chroot=False)
        )
    except DamagedError as error:
        return _unreadable(error)


def _stated_fingerprint(
    store: Registry, reference: Reference, summary: Summary, expected: Fingerprint
) -> str:
    part = _document(summary, reference)
    if part.digest in image_metadata.document_digests(expected):
        return expected.digest
    return _fingerprint_of(store.content(reference, part), reference)


def _document(summary: Summary, reference: Reference) -> Part:
    part = summary.files.get(image_metadata.DOCUMENT)
    if part is None:
        raise image_metadata.damaged(reference)
    return part


def _fingerprint_of(document: bytes, reference: Reference) -> str:
    try:
        return image_metadata.fingerprint_of(document)
    except ValueError as error:
        raise image_metadata.damaged(reference) from error


def _other_fingerprint(stated: str, expected: str) -> str:
    if stated == expected:
        return ""
    return f"its metadata is of the fingerprint {stated}, not of {expected}"


def _other_digest(stated: object, digest: str) -> str:
    return "" if stated == digest else f"it is {digest}, and its metadata is of {stated}"


def _unisolated(config: Mapping[str, Any], *, takes_chroot: bool) -> str:
    """Return IN_CHROOT where metadata says so; what an older builder wrote says nothing."""
    return IN_CHROOT if config.get("isolation") == CHROOT and not takes_chroot else ""


def _unreadable(error: DamagedError) -> str:
    return f"its metadata cannot be read: {error.message}"


class ImageCheck:
    """Checks images of a registry with all that they were built on; each of them once.

    `repository_of` returns the repository of an image or of an axis of base images, by its name.
    `takes_chroot` says that what was built in a chroot counts too; it never does for a release.
    """

    def __init__(
        self,
        store: Registry,
        repository_of: Callable[[str], str],
        *,
        takes_chroot: bool = False,
        trust: Seals = PLAIN,
    ) -> None:
        self._store = store
        self._trust = trust
        self._unsigned: dict[tuple[str, str], str] = {}
        self._repository_of = repository_of
        self._takes_chroot = takes_chroot
        self._problems: dict[tuple[str, str], str] = {}
        self._unknown: set[str] = set()

    @property
    def of_unknown_isolation(self) -> int:
        """The number of the images looked at whose metadata says nothing of the isolation."""
        return len(self._unknown)

    def problem(self, image: Reference, digest: str, fingerprint: str) -> str:
        """Return why an image is not believed, or "". `image` has the tag of its fingerprint."""
        key = (str(image), f"{digest} {fingerprint}")
        if key not in self._problems:
            self._problems[key] = self._problem(image, digest, fingerprint)
        return self._problems[key]

    def check(self, image: Reference, digest: str, fingerprint: str, target_id: str) -> None:
        """Raise the error of an image that is not believed; `target_id` is what is built then."""
        if error := self._error(image, digest, fingerprint, target_id):
            raise error

    def _error(
        self, image: Reference, digest: str, fingerprint: str, target_id: str
    ) -> BuilderError | None:
        if not (problem := self.problem(image, digest, fingerprint)):
            return None
        if self.unsigned(image, digest, fingerprint):
            return TrustError(f"{image} is not believed: {problem}", hint=AS_IS)
        return refusal(image, problem, target_id)

    def unsigned(self, image: Reference, digest: str, fingerprint: str) -> str:
        """Return why nobody who is believed signed an image, or ""."""
        key = (str(image), f"{digest} {fingerprint}")
        if key not in self._unsigned:
            self._unsigned[key] = self._trust.problem(
                self._store, image, digest, IMAGE, fingerprint
            )
        return self._unsigned[key]

    def check_released(self, targets: Mapping[str, ReleasedTarget]) -> None:
        """Raise the errors of the images of a release that are not believed; targets are by id."""

        def error(key: str, target: ReleasedTarget) -> BuilderError | None:
            image = parse_reference(self._repository_of(target.image)).with_tag(target.tag)
            return self._error(image, target.digest, target.fingerprint, key)

        errors = in_parallel(lambda item: error(*item), targets.items())
        raise_all([error for error in errors if error is not None])

    def _problem(self, image: Reference, digest: str, fingerprint: str) -> str:
        if unsigned := self.unsigned(image, digest, fingerprint):
            return unsigned
        try:
            found = stated(self._store, self._repository_of, image)
        except DamagedError as error:
            return _unreadable(error)
        if found is None:
            return NO_METADATA
        if not found.config.get("isolation"):
            self._unknown.add(str(image))
        return (
            _other_fingerprint(found.fingerprint, fingerprint)
            or _other_digest(found.config.get("digest"), digest)
            or _unisolated(found.config, takes_chroot=self._takes_chroot)
            or self._missing_parent(found.parents)
        )

    def _missing_parent(self, parents: Sequence[Parent]) -> str:
        """Return which image that it was built on is not there or not believed, or ""."""
        for parent in parents:
            digest = self._store.digest(parent.image)
            if digest is None:
                return f"its {parent.role} {parent.image} is not in the registry"
            if parent.fingerprint and (
                problem := self.problem(parent.image, digest, parent.fingerprint)
            ):
                return f"its {parent.role} {parent.image} is not believed: {problem}"
        return ""


@dataclass(frozen=True, kw_only=True)
class Parent:
    """What an image was built on; `fingerprint` is "" for a base image."""

    role: str
    image: Reference
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What the metadata of an image states. `config` has the keys of the newest format."""

    config: Mapping[str, Any]
    fingerprint: str
    parents: tuple[Parent, ...]


def stated(store: Registry, repository_of: Callable[[str], str], image: Reference) -> Stated | None:
    """Return what the metadata of an image states, None without any. Raises DamagedError."""
    reference = image_metadata.reference_of(image)
    summary = store.summary(reference)
    if summary is None:
        return None
    data = store.content(reference, _document(summary, reference))
    config = image_metadata.config_of(store.content(reference, summary.config), reference)
    shares = image_metadata.shares_of(config, reference)
    fingerprint = _fingerprint_of(data, reference)
    try:
        parents = tuple(_parents(json.loads(data), shares, repository_of))
    except (BuilderError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise image_metadata.damaged(reference) from error
    return Stated(config=config, fingerprint=fingerprint, parents=parents)


def _parents(
    document: Mapping[str, Any],
    shares: Sequence[ImageShare],
    repository_of: Callable[[str], str],
) -> Iterator[Parent]:
    """Yield what an image was built on.

    Where the parent's repository is comes from the shares, which very old metadata lacks.
    """

    def tagged(role: str, name: str, fingerprint: str, tag: str) -> Parent:
        if not _FINGERPRINT.fullmatch(tag):
            raise ValueError(tag)
        image = parse_reference(repository_of(name)).with_tag(f"fp-{tag[:32]}")
        return Parent(role=role, image=image, fingerprint=fingerprint)

    parent = document["parent"]
    if len(shares) > 1 and _CONTENT.fullmatch(parent):
        axis = BaseId(shares[-2].target).value.axis
        yield tagged("base image", axis, "", parent.removeprefix("sha256:"))
    elif len(shares) > 1:
        yield tagged("parent", TargetId(shares[-2].target).image, parent, parent)
    for name, fingerprint in document["inputs"].items():
        yield tagged(f"input {name}", name, fingerprint, fingerprint)


def refusal(image: Reference, problem: str, target_id: str) -> BuilderError:
    """Return the error of an image that is not believed."""
    hint = f"builder build -s '{target_id}'"
    if problem.endswith(IN_CHROOT):
        hint += ", where the kernel isolates builds"
    if problem == NO_METADATA:
        return StepError(f"the registry has no test results for {image}", hint=hint)
    return DifferenceError(f"{image} is not believed: {problem}", hint=hint)
