"""The image metadata that the registry stores beside an image: its inputs, tests and packages.

It states the digest of the image, and the whole fingerprint: its `fingerprint.json` is the document
that the fingerprint is the sha256 of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from builder.catalog.packages import PackageList
from builder.common.errors import DamagedError, DifferenceError, Location, StepError
from builder.common.formats import check_format
from builder.common.hashing import canonical, digest_of, sha256
from builder.common.mappings import json_object
from builder.engines.interfaces import HOST, KERNEL, POD
from builder.oci.reference import Reference
from builder.plan.fingerprint import Fingerprint
from builder.registry.interfaces import Artifact, Blob, Registry
from builder.registry.release_record import Adopted, ImageShare, ReleasedTarget, parse_shares
from builder.testing import package_list
from builder.testing.interfaces import TestCounts

FORMAT = 3
KIND = "application/vnd.onyxia.catalog.evidence.v1+json"
DOCUMENT = "fingerprint.json"
JUNIT = "junit.xml"
PACKAGES = "packages.json"
_ADOPTED = "onyxia.catalog.adopted."
"""The beginning of the annotations that say where an image was adopted from."""
_OLDER_KEYS = {"shares": "chain", "tests_hash": "suite"}
MIRRORED = "upstream"
"""What the metadata of a mirrored image has in the place of the isolation of a build."""
_ISOLATED = ((KERNEL, "none"), (KERNEL, "private"), (POD, HOST), (MIRRORED, ""))
"""The isolation and the network of builds that are released."""


@dataclass(frozen=True, kw_only=True)
class ImageMetadata:
    """The metadata of an image that passed its tests.

    `size` is the sum of its compressed blobs in bytes. `seconds` is the time of its build and
    test. `shares` has one for each ancestor and, last, one for the image. `tests_hash` is the
    hash of its tests. `isolation` and `network` are those of its build, "" where they are unknown.
    `memory` and `disk` are the most that both needed, in bytes; None where it was not measured.
    """

    digest: str
    size: int
    tests: TestCounts
    seconds: float
    shares: tuple[ImageShare, ...]
    tests_hash: str = ""
    isolation: str = ""
    network: str = ""
    memory: int | None = None
    disk: int | None = None


def reference_of(fingerprint: Reference) -> Reference:
    """Return the reference of the metadata of an image, given that of its fingerprint tag."""
    return fingerprint.with_tag(f"{fingerprint.tag}.evidence")


def artifact(
    metadata: ImageMetadata, fingerprint: Fingerprint, junit: bytes, packages: bytes
) -> Artifact:
    """Return the artifact that stores the metadata of an image."""
    return Artifact(
        kind=KIND,
        config=canonical(_config(metadata, metadata.isolation, metadata.network)),
        files={
            # So the digest of this file is the fingerprint.
            DOCUMENT: Blob(kind="application/json", data=canonical(fingerprint.document)),
            JUNIT: Blob(kind="application/xml", data=junit),
            PACKAGES: Blob(kind="application/json", data=packages),
        },
    )


def _config(
    item: ImageMetadata | ReleasedTarget, isolation: str = "", network: str = ""
) -> dict[str, Any]:
    tests = item.tests
    how = {"isolation": isolation, "network": network} if isolation else {}
    return {
        **how,
        **_measured(item.memory, item.disk),
        "format": FORMAT,
        "digest": item.digest,
        "size": item.size,
        "tests": asdict(tests) if isinstance(tests, TestCounts) else dict(tests),
        "seconds": round(item.seconds, 1),
        "shares": [asdict(share) for share in item.shares],
        "tests_hash": item.tests_hash,
    }


def _measured(memory: int | None, disk: int | None) -> dict[str, int]:
    """Return what was measured, by its key."""
    items = {"memory": memory, "disk": disk}
    return {key: value for key, value in items.items() if value is not None}


def measured_in(config: Mapping[str, Any]) -> dict[str, int]:
    """Return the memory and the disk of a build, by key, that its metadata states."""
    numbers = {key: config.get(key) for key in ("memory", "disk")}
    return {key: it for key, it in numbers.items() if type(it) is int and it > 0}


def config_digests(released: ReleasedTarget) -> tuple[str, ...]:
    """Return the digests that the configuration of a released image's metadata may have.

    The record of a release has all that the metadata had then, but how the build was isolated.
    """
    unknown = _config(released)
    second = {**unknown, "format": 2}
    first = {_OLDER_KEYS.get(key, key): unknown[key] for key in unknown if key != "format"}
    isolated = (_config(released, isolation, network) for isolation, network in _ISOLATED)
    return tuple(digest_of(canonical(it)) for it in (*isolated, unknown, second, first))


def document_digests(fingerprint: Fingerprint) -> Iterator[str]:
    """Yield the digest that the file of a fingerprint has, as it is written now and was before."""
    yield f"sha256:{fingerprint.digest}"
    older = json.dumps(fingerprint.document, indent=1, sort_keys=True) + "\n"
    yield digest_of(older.encode())


def fingerprint_of(document: bytes) -> str:
    """Return the fingerprint that a stored document is the one of, as 64 hex digits.

    Raises ValueError where it is not JSON.
    """
    try:
        return sha256(canonical(json.loads(document)))
    except RecursionError as error:
        raise ValueError(str(error)) from error


def config_of(data: bytes, reference: Reference) -> dict[str, Any]:
    """Return the configuration of stored metadata, under the keys of the newest format.

    Raises DamagedError if it is damaged, ConfigError if its format is newer than this builder.
    """
    config = json_object(data)
    if config is None or not isinstance(number := config.get("format", 1), int):
        raise damaged(reference)
    check_format(number, FORMAT, Location(file=str(reference)))
    if number == 1:
        renamed = {older: newer for newer, older in _OLDER_KEYS.items()}
        config = {renamed.get(key, key): value for key, value in config.items()}
    return {**config, "format": FORMAT}


def size_of(config: Mapping[str, Any], reference: Reference) -> int:
    """Return the size of an image. Raises DamagedError where there is none."""
    size = config.get("size")
    if not isinstance(size, int):
        raise damaged(reference)
    return size


def shares_of(config: Mapping[str, Any], reference: Reference) -> tuple[ImageShare, ...]:
    """Return the shares of a lineage; an older builder stored none.

    Raises DamagedError if they are damaged.
    """
    try:
        return parse_shares(config.get("shares") or ())
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(reference) from error


def damaged(reference: Reference) -> DamagedError:
    """Return the error for metadata that cannot be read."""
    return DamagedError(
        f"{reference}: the metadata of this image is damaged",
        hint="remove the image from the registry, then run `builder build` again",
    )


def tested_again(
    stored: Artifact,
    reference: Reference,
    digest: str,
    tests: TestCounts,
    tests_hash: str,
    junit: bytes,
) -> Artifact:
    """Return the metadata of an image with the results of other tests in it.

    `digest` is that of the image that was tested. Raises DifferenceError if it is of another.
    """
    config = config_of(stored.config, reference)
    if config.get("digest") != digest:
        raise DifferenceError(
            f"{reference} is the metadata of {config.get('digest')}, and {digest} was tested",
            hint="another run has replaced it meanwhile; run it again",
        )
    config |= {"tests": asdict(tests), "tests_hash": tests_hash}
    files = {**stored.files, JUNIT: Blob(kind="application/xml", data=junit)}
    return replace(stored, config=canonical(config), files=files)


def of_lineage(stored: Artifact, reference: Reference, ids: Sequence[str]) -> Artifact:
    """Return the metadata of an image with the ids that its base and its lineage have here.

    Another catalog may call them otherwise. Where it has them already, it stays as it is to the
    byte; so does that of a very old builder, which has no shares. Raises DamagedError.
    """
    config = config_of(stored.config, reference)
    shares = shares_of(config, reference)
    if len(shares) != len(ids) or [share.target for share in shares] == list(ids):
        return stored
    named = [asdict(replace(it, target=key)) for it, key in zip(shares, ids, strict=True)]
    return replace(stored, config=canonical({**config, "shares": named}))


def adopted_from(stored: Artifact, adopted: Adopted) -> Artifact:
    """Return the metadata of an image with where it was adopted from; its files stay."""
    notes = {_ADOPTED + key: value for key, value in vars(adopted).items()}
    return replace(stored, annotations={**stored.annotations, **notes})


def adopted_of(stored: Artifact) -> Adopted | None:
    """Return where an image was adopted from; None for one that was built here."""
    notes = stored.annotations
    values = {field.name: notes.get(_ADOPTED + field.name, "") for field in fields(Adopted)}
    return Adopted(**values) if all(values.values()) else None


def counts_of(config: Mapping[str, Any], reference: Reference) -> TestCounts:
    """Return the results of the tests. Raises DamagedError where there are none."""
    try:
        numbers = {name: int(config["tests"][name]) for name in ("passed", "failed", "skipped")}
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(reference) from error
    return TestCounts(**numbers)


@dataclass(frozen=True, kw_only=True)
class StoredMetadata:
    """The part of the metadata that later builds need; an older builder stored less."""

    shares: tuple[ImageShare, ...] = ()
    packages: PackageList | None = None


def read(store: Registry, fingerprint: Reference) -> StoredMetadata:
    """Return the stored metadata of an image, empty if there is none.

    Raises DamagedError if it is damaged.
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
        shares=shares_of(config_of(artifact.config, reference), reference), packages=packages
    )
