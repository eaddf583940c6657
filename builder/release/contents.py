"""What a release offers of each variant: what passed, or what the release before offered.

A variant of several platforms is offered whole: its tags name an index, and are left as they are
until every platform of it has passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from builder.build import attestation
from builder.build.run_context import RunContext
from builder.common.errors import StepError
from builder.common.parallel import in_parallel
from builder.plan.models import Plan, TargetPlan
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedTarget, ReleasedVariant

WAITING = "variant:"
"""What a record's key begins with, of a variant some of whose platforms did not pass."""


@dataclass(frozen=True, kw_only=True)
class Offered:
    """Targets by id, variants of several platforms by id, and by `variant:<id>` why one waits."""

    targets: Mapping[str, ReleasedTarget] = field(default_factory=dict)
    variants: Mapping[str, ReleasedVariant] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)


class Offers:
    """Gathers what a release offers. `previous` is the record that is current."""

    def __init__(self, *, work: RunContext, store: Registry, previous: Record | None) -> None:
        self._work = work
        self._plan: Plan = work.plan
        self._store = store
        self._previous = previous

    def gather(self) -> Offered:
        """Of every variant that has not ended. Pushes indexes, under no tag."""
        members = self._work.expansion.members
        found = in_parallel(lambda item: self._variant(*item), members.items())
        return Offered(
            targets={key: value for one in found for key, value in one.targets.items()},
            variants={key: value for one in found for key, value in one.variants.items()},
            waiting={key: value for one in found for key, value in one.waiting.items()},
        )

    def _variant(self, variant: str, members: Mapping[str, str]) -> Offered:
        """`members` are target ids by platform."""
        items = [self._plan.targets[key] for key in members.values() if key in self._plan.targets]
        if any(item.action == "retire" for item in items):
            return Offered()
        kept = self._kept(variant, members)
        if not items:
            return kept
        passed = {key: one for key in members.values() if (one := self._passed(key)) is not None}
        if not items[0].target.publish:  # nothing names it, so nothing waits
            return Offered(targets={**kept.targets, **passed})
        missing = [platform for platform, key in members.items() if key not in passed]
        if missing and len(members) > 1:
            stays = f"it stays as in {self._previous.release}" if self._previous else ""
            reason = f"{', '.join(missing)} did not pass; "
            reason += stays if kept.targets else "it is not offered"
            return replace(kept, waiting={WAITING + variant: reason})
        if missing:
            return kept
        return self._whole(variant, members, items[0], passed)

    def _kept(self, variant: str, members: Mapping[str, str]) -> Offered:
        """What the release before offered of a variant."""
        if self._previous is None:
            return Offered()
        held = self._previous.variants.get(variant)
        old = self._previous.targets
        ids = [key for key in (held.targets if held else members).values() if key in old]
        return Offered(
            targets={key: old[key] for key in ids}, variants={variant: held} if held else {}
        )

    def _whole(
        self,
        variant: str,
        members: Mapping[str, str],
        item: TargetPlan,
        passed: Mapping[str, ReleasedTarget],
    ) -> Offered:
        """A variant that passed on each of its platforms."""
        digests = {key: target.digest for key, target in passed.items()}
        before = self._previous
        since = before.since(variant, item.exact, members, digests) if before else None
        if len(members) == 1:
            ((key, target),) = passed.items()
            return Offered(targets={key: replace(target, since=since or self._plan.release)})
        # One whose target was not selected has the tags that it had.
        targets = {
            key: replace(target, exact=item.exact, rolling=item.rolling)
            for key, target in passed.items()
        }
        if since is not None and before is not None:
            return Offered(targets=targets, variants={variant: before.variants[variant]})
        manifests = {platform: digests[key] for platform, key in members.items()}
        index = ReleasedVariant(
            digest=self._store.put_index(manifests, item.repository),
            since=self._plan.release,
            targets=members,
        )
        return Offered(targets=targets, variants={variant: index})

    def _passed(self, key: str) -> ReleasedTarget | None:
        """What there is of a target's inputs, tested: in the registry, or in the last release."""
        item = self._plan.targets.get(key)
        old = self._previous.targets.get(key) if self._previous else None
        if item is None:
            same = old and old.fingerprint == self._work.fingerprints[key].digest
            return old if same else None
        if item.action == "block":
            return None
        digest = self._store.digest(item.reference)
        if digest is None:
            return None
        if old and old.digest == digest and old.exact == item.exact:
            if item.action == "test":  # its evidence may say more than the release before
                old = replace(self._new(item, digest), since=old.since)
            return replace(
                old,
                fingerprint=item.fingerprint.digest,
                parts=item.fingerprint.parts,
                rolling=item.rolling,
                publish=item.target.publish,
            )
        return self._new(item, digest)

    def _new(self, item: TargetPlan, digest: str) -> ReleasedTarget:
        beside = attestation.reference_of(item.reference)
        found = self._store.get(beside)
        if found is None:
            raise StepError(f"{item.reference} has no evidence of its tests", hint="build it again")
        known = attestation.config_of(found, beside)
        if "size" not in known or "tests" not in known:
            raise attestation.damaged(beside)
        return ReleasedTarget(
            image=item.target.variant.image,
            digest=digest,
            size=known["size"],
            fingerprint=item.fingerprint.digest,
            parts=item.fingerprint.parts,
            exact=item.exact,
            rolling=item.rolling,
            since=self._plan.release,
            publish=item.target.publish,
            tests=known["tests"],
            seconds=known.get("seconds", 0.0),
            chain=attestation.shares_of(known, beside),
            suite=known.get("tests_hash", ""),
        )
