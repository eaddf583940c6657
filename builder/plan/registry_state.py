"""Reads the state of the first registry for a plan, in few requests."""

from __future__ import annotations

from collections.abc import Mapping

from builder.catalog.models import Catalog
from builder.common.errors import ConfigError
from builder.common.parallel import by_item
from builder.lock.lockfile import Lock
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.fingerprint import Fingerprint
from builder.plan.models import RegistryState, base_reference, reference
from builder.project import Project
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record


def releases_reference(catalog: Catalog) -> Reference:
    """Return the repository of release records."""
    return parse_reference(catalog.matrix.repository_of(release_record.REPOSITORY))


def read_registry_state(
    store: Registry, project: Project, lock: Lock, fingerprints: Mapping[str, Fingerprint]
) -> RegistryState:
    """Return which targets and base images the registry has, and its current release."""
    catalog, expansion = project.catalog, project.expansion
    references = {
        target.id: reference(target, catalog, fingerprints[target.id])
        for target in expansion.targets.values()
    }
    references |= {
        base.id: base_reference(base, catalog, lock)
        for base in expansion.bases.values()
        if base.id in lock.bases
    }
    records = releases_reference(catalog)
    record = read_record(store, records.with_tag(release_record.CURRENT))
    targets = record.targets.values() if record else ()
    released = {target.fingerprint: target.digest for target in targets}
    repositories = sorted({image.name for image in references.values()} | {records.name})
    tags = by_item(lambda name: set(store.tags(name)), repositories)
    present = {key: image for key, image in references.items() if image.tag in tags[image.name]}

    def digest(key: str) -> str | None:
        fingerprint = fingerprints.get(key)
        digest = released.get(fingerprint.digest) if fingerprint else None
        return digest or store.digest(present[key])

    digests = by_item(digest, present)
    return RegistryState(
        digests={key: digest for key, digest in digests.items() if digest},
        record=record,
        releases=tuple(sorted(tag for tag in tags[records.name] if release_record.is_name(tag))),
    )


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
