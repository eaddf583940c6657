"""Collect the contents of a release: each variant as it passed, or as the release before had it.

The tags of a variant of several platforms name an index. They move when every platform has passed,
and not before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from builder.build.run_context import RunContext
from builder.common.parallel import in_parallel
from builder.common.text import count
from builder.plan import image_metadata
from builder.plan.image_check import NO_METADATA, ImageCheck, refusal
from builder.plan.models import Plan, TargetPlan
from builder.plan.step_id import StepId
from builder.registry.interfaces import Registry
from builder.registry.release_record import Record, ReleasedTarget, ReleasedVariant
from builder.trust.seals import INDEX

WAITING = "variant:"
"""The prefix of the keys, in a record, of variants some of whose platforms did not pass."""


@dataclass(frozen=True, kw_only=True)
class CollectedTargets:
    """Targets for a release, by id, and variants of several platforms, by id.

    `waiting` maps WAITING and the id to why the tags of a variant did not move. `notes` are for who
    reads the log.
    """

    targets: Mapping[str, ReleasedTarget] = field(default_factory=dict)
    variants: Mapping[str, ReleasedVariant] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class TargetCollector:
    """Collects the targets of a release. `previous` is the current record.

    `blocked` are the steps that did not pass. Every image of the release is held against its
    metadata; DifferenceError or StepError is raised for one that is not believed.
    """

    def __init__(
        self,
        *,
        context: RunContext,
        store: Registry,
        previous: Record | None,
        blocked: Collection[str] = (),
    ) -> None:
        self._context = context
        self._plan: Plan = context.plan
        self._store = store
        self._previous = previous
        self._blocked = blocked
        self._images = ImageCheck(store, context.catalog.matrix.repository_of, trust=context.trust)

    def collect(self) -> CollectedTargets:
        """Return every variant that has not ended. Pushes indexes, without tags."""
        members = self._context.expansion.members
        parts = in_parallel(lambda item: self._variant(*item), members.items())
        targets = {key: value for part in parts for key, value in part.targets.items()}
        self._images.check_released(targets)
        return CollectedTargets(
            targets=targets,
            variants={key: value for part in parts for key, value in part.variants.items()},
            waiting={key: value for part in parts for key, value in part.waiting.items()},
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        """Return a note on images of older builders, which a release takes."""
        number = self._images.of_unknown_isolation
        if not number:
            return ()
        images = count(number, "image")
        return (f"{images} of older builders: how their builds were isolated is not known",)

    def _variant(self, variant: str, members: Mapping[str, str]) -> CollectedTargets:
        """Return the contents of one variant; `members` are its target ids by platform."""
        items = [self._plan.targets[key] for key in members.values() if key in self._plan.targets]
        if any(item.action == "retire" for item in items):
            return CollectedTargets()
        kept = self._kept(variant, members)
        if not items:
            return kept
        results = {key: self._passed(key) for key in members.values()}
        passed = {key: target for key, target in results.items() if target is not None}
        if not items[0].target.publish:  # no tag names it, so nothing waits
            return CollectedTargets(targets={**kept.targets, **passed})
        missing = [platform for platform, key in members.items() if key not in passed]
        if missing and len(members) > 1:
            stays = f"it stays as in {self._previous.release}" if self._previous else ""
            reason = f"{', '.join(missing)} did not pass; "
            reason += stays if kept.targets else "it is not published"
            return replace(kept, waiting={WAITING + variant: reason})
        if missing:
            return kept
        return self._whole(variant, members, items[0], passed)

    def _kept(self, variant: str, members: Mapping[str, str]) -> CollectedTargets:
        """Return a variant as the previous release has it."""
        if self._previous is None:
            return CollectedTargets()
        index = self._previous.variants.get(variant)
        old = self._previous.targets
        ids = [key for key in (index.targets if index else members).values() if key in old]
        return CollectedTargets(
            targets={key: old[key] for key in ids}, variants={variant: index} if index else {}
        )

    def _whole(
        self,
        variant: str,
        members: Mapping[str, str],
        item: TargetPlan,
        passed: Mapping[str, ReleasedTarget],
    ) -> CollectedTargets:
        """Return a variant that passed on each of its platforms."""
        digests = {key: target.digest for key, target in passed.items()}
        before = self._previous
        since = before.since(variant, item.exact, members, digests) if before else None
        if len(members) == 1:
            ((key, target),) = passed.items()
            return CollectedTargets(
                targets={key: replace(target, since=since or self._plan.release)}
            )
        # A target that was not selected would have its old tags.
        targets = {
            key: replace(target, exact=item.exact, rolling=item.rolling)
            for key, target in passed.items()
        }
        if since is not None and before is not None:
            return CollectedTargets(targets=targets, variants={variant: before.variants[variant]})
        index = ReleasedVariant(
            digest=self._index(item, {it: digests[key] for it, key in members.items()}),
            since=self._plan.release,
            targets=members,
        )
        return CollectedTargets(targets=targets, variants={variant: index})

    def _index(self, item: TargetPlan, manifests: Mapping[str, str]) -> str:
        """Return the digest of the index of a variant: a mirrored image is one for all platforms.

        `manifests` are by platform.
        """
        if item.target.is_mirrored:
            return next(iter(manifests.values()))
        digest = self._store.put_index(manifests, item.repository)
        self._context.trust.sign(
            self._store, item.repository, digest, INDEX, target=item.target.variant.id
        )
        return digest

    def _passed(self, key: str) -> ReleasedTarget | None:
        """Return a target if it passed with its current inputs, be it before this run."""
        item = self._plan.targets.get(key)
        old = self._previous.targets.get(key) if self._previous else None
        if item is None:
            same = old and old.fingerprint == self._context.fingerprints[key].digest
            return old if same else None
        if item.action == "block":
            return None
        digest = self._store.digest(item.reference)
        if digest is None:
            return None
        problem = self._images.problem(item.reference, digest, item.fingerprint.digest)
        if problem and self._is_blocked(key):
            return None
        if problem:
            raise refusal(item.reference, problem, key)
        if old and old.digest == digest and old.exact == item.exact:
            if item.action == "test":  # its metadata is newer than the previous release
                old = replace(self._new(item, digest), since=old.since)
            return replace(
                old,
                fingerprint=item.fingerprint.digest,
                parts=item.fingerprint.parts,
                rolling=item.rolling,
                publish=item.target.publish,
            )
        return self._new(item, digest)

    def _is_blocked(self, key: str) -> bool:
        """Whether a target did not pass, or something that it stands on did not."""
        target = self._context.expansion.targets[key]
        below = (target.parent, *(name for _, name in target.inputs))
        targets = [name for name in below if name in self._context.expansion.targets]
        return (
            StepId.of("build", key) in self._blocked
            or StepId.of("base", target.parent) in self._blocked
            or any(map(self._is_blocked, targets))
        )

    def _new(self, item: TargetPlan, digest: str) -> ReleasedTarget:
        """Return a target from the metadata of its image. Raises StepError if that is missing."""
        reference = image_metadata.reference_of(item.reference)
        artifact = self._store.get(reference)
        if artifact is None:  # it is gone since it was held against it
            raise refusal(item.reference, NO_METADATA, item.target.id)
        metadata = image_metadata.config_of(artifact.config, reference)
        if "size" not in metadata or "tests" not in metadata:
            raise image_metadata.damaged(reference)
        return ReleasedTarget(
            image=item.target.variant.image,
            digest=digest,
            size=metadata["size"],
            fingerprint=item.fingerprint.digest,
            parts=item.fingerprint.parts,
            exact=item.exact,
            rolling=item.rolling,
            since=self._plan.release,
            publish=item.target.publish,
            tests=metadata["tests"],
            seconds=metadata.get("seconds", 0.0),
            shares=image_metadata.shares_of(metadata, reference),
            tests_hash=metadata.get("tests_hash", ""),
            adopted=image_metadata.adopted_of(artifact),
            **image_metadata.measured_in(metadata),
        )
