"""The image metadata that the registry stores beside an image: its inputs, tests and packages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from builder.catalog.packages import PackageList
from builder.common.errors import Location, StepError
from builder.common.formats import check_format
from builder.common.hashing import canonical
from builder.common.mappings import json_object
from builder.oci.reference import Reference
from builder.plan.fingerprint import Fingerprint
from builder.registry.interfaces import Artifact, Blob, Registry
from builder.registry.release_record import ImageShare, parse_shares
from builder.testing import package_list
from builder.testing.interfaces import TestCounts

FORMAT = 2
KIND = "application/vnd.onyxia.catalog.evidence.v1+json"
DOCUMENT = "fingerprint.json"
JUNIT = "junit.xml"
PACKAGES = "packages.json"


@dataclass(frozen=True, kw_only=True)
class ImageMetadata:
    """The metadata of an image that passed its tests.

    `size` is the sum of its compressed blobs in bytes. `seconds` is the time of its build and
    test. `shares` has one for each ancestor and, last, one for the image. `tests_hash` is the
    hash of its tests.
    """

    digest: str
    size: int
    tests: TestCounts
    seconds: float
    shares: tuple[ImageShare, ...]
    tests_hash: str = ""


def reference_of(fingerprint: Reference) -> Reference:
    """Return the reference of the metadata of an image, given that of its fingerprint tag."""
    return fingerprint.with_tag(f"{fingerprint.tag}.evidence")


def artifact(
    metadata: ImageMetadata, fingerprint: Fingerprint, junit: bytes, packages: bytes
) -> Artifact:
    """Return the artifact that stores the metadata of an image."""
    document = (json.dumps(fingerprint.document, indent=1, sort_keys=True) + "\n").encode()
    return Artifact(
        kind=KIND,
        config=canonical(_config(metadata)),
        files={
            DOCUMENT: Blob(kind="application/json", data=document),
            JUNIT: Blob(kind="application/xml", data=junit),
            PACKAGES: Blob(kind="application/json", data=packages),
        },
    )


def _config(metadata: ImageMetadata) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "digest": metadata.digest,
        "size": metadata.size,
        "tests": asdict(metadata.tests),
        "seconds": round(metadata.seconds, 1),
        "shares": [asdict(share) for share in metadata.shares],
        "tests_hash": metadata.tests_hash,
    }


def config_of(artifact: Artifact, reference: Reference) -> dict[str, Any]:
    """Return the configuration of stored metadata, under the keys of the newest format.

    Raises StepError if it is damaged, ConfigError if its format is newer than this builder.
    """
    config = json_object(artifact.config)
    if config is None or not isinstance(number := config.get("format", 1), int):
        raise damaged(reference)
    check_format(number, FORMAT, Location(file=str(reference)))
    if number == 1:
        renamed = {"chain": "shares", "suite": "tests_hash"}
        config = {renamed.get(key, key): value for key, value in config.items()}
    return {**config, "format": FORMAT}


def shares_of(config: Mapping[str, Any], reference: Reference) -> tuple[ImageShare, ...]:
    """Return the shares of a lineage; an older builder stored none.

    Raises StepError if they are damaged.
    """
    try:
        return parse_shares(config.get("shares") or ())
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(reference) from error


def damaged(reference: Reference) -> StepError:
    """Return the error for metadata that cannot be read."""
    return StepError(
        f"{reference}: the metadata of this image is damaged",
        hint="remove the image from the registry, then run `builder build` again",
    )


def tested_again(
    stored: Artifact, reference: Reference, tests: TestCounts, tests_hash: str, junit: bytes
) -> Artifact:
    """Return the metadata of an image with the results of other tests in it."""
    config = {**config_of(stored, reference), "tests": asdict(tests), "tests_hash": tests_hash}
    files = {**stored.files, JUNIT: Blob(kind="application/xml", data=junit)}
    return replace(stored, config=canonical(config), files=files)


@dataclass(frozen=True, kw_only=True)
class StoredMetadata:
    """The part of the metadata that later builds need; an older builder stored less."""

    shares: tuple[ImageShare, ...] = ()
    packages: PackageList | None = None


def read(store: Registry, fingerprint: Reference) -> StoredMetadata:
    """Return the stored metadata of an image, empty if there is none.

    Raises StepError if it is damaged.
    """
    reference = reference_of(fingerprint)
    artifact = store.get(reference)
    if artifact is None:
        return StoredMetadata()
    blob = artifact.files.get(PACKAGES)
    try:
        packages = package_list.parse(blob.data) if blob else None
    except StepError as error:
        raise damaged(reference) from error
    return StoredMetadata(
        shares=shares_of(config_of(artifact, reference), reference), packages=packages
    )
