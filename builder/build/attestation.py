"""What is kept of an image beside it: what it was made of, what was tested, what is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from builder.catalog.packages import Inventory
from builder.common.errors import Location, StepError
from builder.common.formats import check_format
from builder.common.hashing import canonical
from builder.common.mappings import json_object
from builder.oci.reference import Reference
from builder.plan.fingerprint import Fingerprint
from builder.registry.interfaces import Artifact, Blob, Registry
from builder.registry.release_record import ImageShare, parse_shares
from builder.testing import inventory
from builder.testing.interfaces import TestCounts

FORMAT = 2
KIND = "application/vnd.onyxia.catalog.evidence.v1+json"
DOCUMENT = "fingerprint.json"
JUNIT = "junit.xml"
PACKAGES = "packages.json"


@dataclass(frozen=True, kw_only=True)
class ImageMetadata:
    """What is known of an image that passed.

    `size` is that of all its compressed blobs, in bytes. `seconds` are those of its build and
    test. `chain` says what each image that it stands on adds, and itself. `suite` is the identity
    of the tests.
    """

    digest: str
    size: int
    tests: TestCounts
    seconds: float
    chain: tuple[ImageShare, ...]
    suite: str = ""


def reference_of(fingerprint: Reference) -> Reference:
    """Where what is known of an image is kept: beside it, under its fingerprint."""
    return fingerprint.with_tag(f"{fingerprint.tag}.evidence")


def artifact(
    known: ImageMetadata, fingerprint: Fingerprint, junit: bytes, packages: bytes
) -> Artifact:
    """ImageMetadata as a registry keeps it."""
    document = (json.dumps(fingerprint.document, indent=1, sort_keys=True) + "\n").encode()
    return Artifact(
        kind=KIND,
        config=canonical(_config(known)),
        files={
            DOCUMENT: Blob(kind="application/json", data=document),
            JUNIT: Blob(kind="application/xml", data=junit),
            PACKAGES: Blob(kind="application/json", data=packages),
        },
    )


def _config(known: ImageMetadata) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "digest": known.digest,
        "size": known.size,
        "tests": asdict(known.tests),
        "seconds": round(known.seconds, 1),
        "shares": [asdict(share) for share in known.chain],
        "tests_hash": known.suite,
    }


def config_of(found: Artifact, place: Reference) -> dict[str, Any]:
    """Return what the metadata at a place has, under the keys of the newest format.

    Raises StepError where it is damaged, ConfigError where its format is newer.
    """
    config = json_object(found.config)
    if config is None or not isinstance(number := config.get("format", 1), int):
        raise damaged(place)
    check_format(number, FORMAT, Location(file=str(place)))
    if number == 1:
        renamed = {"chain": "shares", "suite": "tests_hash"}
        config = {renamed.get(key, key): value for key, value in config.items()}
    return {**config, "format": FORMAT}


def shares_of(config: Mapping[str, Any], place: Reference) -> tuple[ImageShare, ...]:
    """Return the shares of a lineage that the metadata at a place has; an older builder had none.

    Raises StepError where they are damaged.
    """
    try:
        return parse_shares(config.get("shares") or ())
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(place) from error


def damaged(place: Reference) -> StepError:
    """Return the error of evidence that is none."""
    return StepError(
        f"{place}: what is said of the image cannot be read",
        hint="remove the image from the registry, and build it again",
    )


def tested_again(
    held: Artifact, place: Reference, tests: TestCounts, suite: str, junit: bytes
) -> Artifact:
    """The evidence of an image that passed other tests since."""
    config = {**config_of(held, place), "tests": asdict(tests), "tests_hash": suite}
    files = {**held.files, JUNIT: Blob(kind="application/xml", data=junit)}
    return replace(held, config=canonical(config), files=files)


@dataclass(frozen=True, kw_only=True)
class StoredMetadata:
    """What evidence says that later builds need; an older builder said less."""

    chain: tuple[ImageShare, ...] = ()
    packages: Inventory | None = None


def read(store: Registry, fingerprint: Reference) -> StoredMetadata:
    """What is said of an image; nothing where nothing is. Raises StepError where it is damaged."""
    place = reference_of(fingerprint)
    found = store.get(place)
    if found is None:
        return StoredMetadata()
    blob = found.files.get(PACKAGES)
    try:
        packages = inventory.parse(blob.data) if blob else None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(place) from error
    return StoredMetadata(chain=shares_of(config_of(found, place), place), packages=packages)
