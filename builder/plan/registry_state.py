"""Reads the state of the first registry for a plan, in few requests."""

from __future__ import annotations

from collections.abc import Container, Mapping

from builder.catalog.expansion import Expansion
from builder.catalog.models import Catalog
from builder.common.errors import ConfigError, TrustError
from builder.common.parallel import by_item
from builder.lock.lockfile import Lock
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan import image_metadata
from builder.plan.fingerprint import Fingerprint
from builder.plan.image_check import NO_METADATA, quick_problem
from builder.plan.models import RegistryState, base_reference, reference
from builder.project import Project
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedTarget
from builder.trust.seals import BASE, IMAGE, PLAIN, RECORD, Seals, signature_of

RELEASE_AS_IS = "builder sign --as-is --only-release --reason TEXT signs it unseen"
NOBODY = "nobody who is believed signed it"


def releases_reference(catalog: Catalog) -> Reference:
    """Return the repository of release records."""
    return parse_reference(catalog.matrix.repository_of(release_record.REPOSITORY))


def read_registry_state(
    store: Registry,
    project: Project,
    lock: Lock,
    fingerprints: Mapping[str, Fingerprint],
    *,
    takes_chroot: bool = False,
    trust: Seals = PLAIN,
) -> RegistryState:
    """Return what the registry has. Raises TrustError for a release that nobody signed."""
    references = _references(project, lock, fingerprints)
    records = releases_reference(project.catalog)
    record = believed_record(store, records.with_tag(release_record.CURRENT), trust)
    released = _released(record)
    repositories = sorted({image.name for image in references.values()} | {records.name})
    tags = by_item(lambda name: set(store.tags(name)), repositories)
    present = {key: image for key, image in references.items() if image.tag in tags[image.name]}

    def look(key: str) -> tuple[str | None, str]:
        """Return the digest of an image, and why it is not believed by itself."""
        image = present[key]
        digest = store.digest(image)
        why = digest and _unsigned(trust, store, image, digest, tags, key, fingerprints)
        if why or digest is None or key not in fingerprints:
            return digest, why or ""
        if image_metadata.reference_of(image).tag not in tags[image.name]:
            return digest, NO_METADATA
        before = released.get((fingerprints[key].digest, digest))
        return digest, quick_problem(
            store, image, digest, fingerprints[key], before, takes_chroot=takes_chroot
        )

    digests, doubts = _believed(project.expansion, by_item(look, present))
    return RegistryState(
        digests=digests,
        doubts=doubts,
        record=record,
        releases=tuple(sorted(tag for tag in tags[records.name] if release_record.is_name(tag))),
    )


def _released(record: Record | None) -> dict[tuple[str, str], ReleasedTarget]:
    """Return the targets of a release by fingerprint and digest."""
    targets = record.targets.values() if record else ()
    return {(target.fingerprint, target.digest): target for target in targets}


def _unsigned(
    trust: Seals,
    store: Registry,
    image: Reference,
    digest: str,
    tags: Mapping[str, Container[str]],
    key: str,
    fingerprints: Mapping[str, Fingerprint],
) -> str:
    """Return why nobody who is believed signed an image, or ""; `tags` are by repository."""
    if not trust.is_wanted:
        return ""
    if signature_of(image, digest).tag not in tags[image.name]:
        return NOBODY
    if key not in fingerprints:
        return trust.problem(store, image, digest, BASE)
    return trust.problem(store, image, digest, IMAGE, fingerprints[key].digest, target=key)


def _references(
    project: Project, lock: Lock, fingerprints: Mapping[str, Fingerprint]
) -> dict[str, Reference]:
    """Return the reference of every target and locked base image, by its id."""
    targets = project.expansion.targets.values()
    bases = project.expansion.bases.values()
    return {
        **{it.id: reference(it, project.catalog, fingerprints[it.id]) for it in targets},
        **{it.id: base_reference(it, project.catalog, lock) for it in bases if it.id in lock.bases},
    }


def _believed(
    expansion: Expansion, found: Mapping[str, tuple[str | None, str]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the digests of bases and of targets that are believed, and why others are not.

    A target is believed if all that it was built on is; `found` has digest and problem of each.
    """
    digests = {key: digest for key, (digest, _) in found.items() if digest}
    doubts = {key: found[key][1] for key in digests if found[key][1]}
    for key in expansion.targets:  # parents come first
        if key not in digests or key in doubts:
            continue
        target = expansion.targets[key]
        base = f"base image {target.parent}" if target.is_root else f"parent {target.parent}"
        parents = {target.parent: base, **{item: f"input {item}" for _, item in target.inputs}}
        if missing := [role for parent, role in parents.items() if parent not in digests]:
            doubts[key] = f"its {missing[0]} is not"
        elif doubted := [role for parent, role in parents.items() if parent in doubts]:
            doubts[key] = f"its {doubted[0]} is not believed"
    return {key: digest for key, digest in digests.items() if key not in doubts}, doubts


def believed_record(store: Registry, reference: Reference, trust: Seals) -> Record | None:
    """Return the release record at a tag, None if there is none.

    Raises TrustError where nobody who is believed signed it, and as `read_record` does.
    """
    if not trust.is_wanted:
        return read_record(store, reference)
    digest = store.digest(reference)
    if digest is None:
        return None
    if problem := trust.problem(store, reference, digest, RECORD):
        raise TrustError(f"the release {reference} is not believed: {problem}", hint=RELEASE_AS_IS)
    return read_record(store, reference.at(digest))


def read_record(store: Registry, reference: Reference) -> Record | None:
    """Return the release record at a reference, None if there is none. Raises ConfigError."""
    artifact = store.get(reference)
    if artifact is None:
        return None
    if release_record.FILE not in artifact.files:
        raise ConfigError(
            f"{reference} is not a release record",
            hint="remove this tag from the registry, then run `builder publish`",
        )
    return release_record.parse(artifact.files[release_record.FILE].data, str(reference))
