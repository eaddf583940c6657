"""Signs what a registry has, and says what is signed there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from builder.app.app import App
from builder.app.planning import Planned
from builder.app.trusted import seals_of
from builder.common.errors import ConfigError
from builder.oci.reference import Reference
from builder.plan.models import base_reference
from builder.plan.registry_state import releases_reference
from builder.registry import release_record
from builder.registry.interfaces import Registry
from builder.trust.policy import Trust
from builder.trust.seals import BASE, IMAGE, RECORD, Seals

PLACE = "release"
"""What the current release is called among the ids."""


@dataclass(frozen=True, kw_only=True)
class Signable:
    """Something in a registry that is to be signed. `id` is of a target, a base, or PLACE."""

    id: str
    image: Reference
    digest: str
    kind: str
    fingerprint: str = ""

    @property
    def target(self) -> str:
        """Return what its signature calls it: targets alone are named."""
        return self.id if self.kind == IMAGE else ""


def sign_as_is(app: App, reason: str, *, only_release: bool = False) -> tuple[str, ...]:
    """Sign what the registry has and nobody signed; return what was signed, by id.

    Its metadata must fit it, as without signatures; nothing else is looked at. `reason` is signed,
    too. With `only_release` that is the release record alone. Raises ConfigError where the catalog
    wants no signatures.
    """
    seals, signed = _seals(app), []
    with app.working():
        store = app.adapters.store_of_run
        for item in _signables(app, store, only_release=only_release):
            if seals.sign(
                store,
                item.image,
                item.digest,
                item.kind,
                target=item.target,
                fingerprint=item.fingerprint,
                note={"unseen": reason},
            ):
                signed.append(item.id)
    return tuple(signed)


def signatures(app: App) -> Mapping[str, Trust]:
    """Return whether what the registry has is signed, by id. Raises ConfigError as `sign_as_is`."""
    seals = _seals(app)
    with app.registry():
        store = app.adapters.store
        return {
            item.id: seals.trust(
                store,
                item.image,
                item.digest,
                item.kind,
                target=item.target,
                fingerprint=item.fingerprint,
            )
            for item in _signables(app, store)
        }


def _seals(app: App) -> Seals:
    seals = seals_of(app.project, app.options.today)
    if not seals.is_wanted:
        raise ConfigError(
            "this catalog wants no signatures: `trust.profile` in matrix.yaml is plain",
            hint="trust: {profile: signed, …}; docs/trust.md has the lines",
        )
    return seals


def _signables(app: App, store: Registry, *, only_release: bool = False) -> Iterator[Signable]:
    """Yield the current release, and the selected images with all that they are built on."""
    current = releases_reference(app.catalog).with_tag(release_record.CURRENT)
    if digest := store.digest(current):
        yield Signable(id=PLACE, image=current, digest=digest, kind=RECORD)
    if not only_release:
        lock = app.fitting_lock()
        plain = app.with_options(takes_unsigned=True)
        yield from _images(plain.plan(lock=lock, to_run=False))


def _images(planned: Planned) -> Iterator[Signable]:
    project, digests = planned.project, planned.registry_state.digests
    needed = {item.target.parent for item in planned.targets.values() if item.target.is_root}
    for key in sorted(needed & digests.keys()):
        base = project.expansion.bases[key]
        image = base_reference(base, project.catalog, planned.lock)
        yield Signable(id=key, image=image, digest=digests[key], kind=BASE)
    for key, item in planned.targets.items():
        if key in digests:
            whole = item.fingerprint.digest
            yield Signable(
                id=key, image=item.reference, digest=digests[key], kind=IMAGE, fingerprint=whole
            )
