"""Makes the lists of packages (SBOM) of a catalog's images."""

from __future__ import annotations

import re
from collections.abc import Mapping

from builder.app.app import App
from builder.app.planning import fingerprints_of
from builder.catalog.models import Base, Target
from builder.catalog.selection import find
from builder.common.errors import SelectionError, StepError, TransientError
from builder.common.files import write
from builder.common.hashing import digest_parts
from builder.lock.lockfile import Lock
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.plan.models import locked_reference
from builder.registry.release_record import CURRENT, Record
from builder.resolvers.base_images.apt_roots import BaseArchives
from builder.resolvers.base_images.provider import cached_archives
from builder.sbom.base_status import read_status
from builder.sbom.lineage import Lineages, Made
from builder.sbom.model import Sbom

_REFERENCE = re.compile(r"[^=,@\s]+/[^=,@\s]+(:[\w.-]+(@sha\d+:[0-9a-f]+)?|@sha\d+:[0-9a-f]+)")


class Sboms:
    """The documents of an app's catalog, for what its lock says."""

    def __init__(self, app: App) -> None:
        self._app = app

    def of(self, text: str, *, is_flat: bool = True) -> Sbom:
        """Return the document of what `text` names: a target, or a reference of a released image.

        Raises SelectionError where it names nothing.
        """
        if _REFERENCE.fullmatch(text) is None:
            return self.locked(find(self._app.project.expansion, text), is_flat=is_flat)
        with self._app.registry():
            record = self._app.adapters.history.record(CURRENT)
        reference = parse_reference(text)
        key = self._released(reference, record)
        if key not in self._app.project.expansion.targets:
            raise SelectionError(
                f"{text} is {key}, which the catalog does not have any more",
                hint=f"check out the commit of release {record.release}",
            )
        target = self._app.project.expansion.targets[key]
        return self.released(record).sbom(target, is_flat=is_flat)

    def _released(self, reference: Reference, record: Record) -> str:
        """Return the id of the target whose image a reference names in a release."""
        matrix = self._app.catalog.matrix
        for key, target in record.targets.items():
            repository = parse_reference(matrix.repository_of(target.image)).repository
            tags = (target.tag, target.exact, f"{target.exact}-{target.since}", *target.rolling)
            is_tagged = reference.digest == "" and reference.tag in tags
            if reference.repository == repository and (
                is_tagged or reference.digest == target.digest
            ):
                return key
        raise SelectionError(
            f"release {record.release} has no image {reference}",
            hint="builder plan lists the targets",
        )

    def locked(self, target: Target, *, is_flat: bool = True) -> Sbom:
        """Return the document of a target as matrix.lock has it, whether it is built or not."""
        return self._lineages(self._app.locked(), {}).sbom(target, is_flat=is_flat)

    def lineages(self) -> Lineages:
        """Return what makes the documents of all targets, as matrix.lock has them."""
        return self._lineages(self._app.locked(), {})

    def released(self, record: Record) -> Lineages:
        """Return what makes the documents of all targets, as a release has them."""
        return self._lineages(record.lock, _digests(record))

    def _lineages(self, lock: Lock, digests: Mapping[str, str]) -> Lineages:
        project = self._app.project
        matrix = project.catalog.matrix
        made = {
            key: Made(
                reference=parse_reference(
                    matrix.repository_of(project.expansion.targets[key].variant.image)
                ),
                fingerprint=fingerprint.digest,
                digest=digests.get(fingerprint.digest, ""),
            )
            for key, fingerprint in fingerprints_of(project, lock).items()
        }
        return Lineages(
            catalog=project.catalog,
            expansion=project.expansion,
            lock=lock,
            made=made,
            status=lambda base: self._status(base, lock),
        )

    def _status(self, base: Base, lock: Lock) -> str | None:
        """Return the package status of a base; None where neither machine nor registry has it."""
        if (base_lock := lock.bases.get(base.id)) is None:
            return None
        state = self._app.state
        kept = state.base_status(digest_parts(base_lock.content)[1])
        if kept.is_file():
            return kept.read_text()
        archives = BaseArchives(
            cached=lambda item: cached_archives(state, item),
            fetch=_not_fetched,
            store=self._app.adapters.store,
            reference=lambda item, item_lock: locked_reference(self._app.catalog, item, item_lock),
            folder=state.pushed_bases,
            note=lambda _text: None,
        )
        try:
            with self._app.registry():
                text = read_status(archives.of(base, base_lock))
        except (StepError, TransientError):
            return None
        write(kept, text.encode())
        return text


def _not_fetched(base: Base, _lock: object) -> None:
    raise StepError(f"base {base.id} is neither on this machine nor in the catalog's registry")


def _digests(record: Record) -> dict[str, str]:
    return {target.fingerprint: target.digest for target in record.targets.values()}
