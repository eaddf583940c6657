"""Adopts images: copies them by digest from the registry of a catalog below into the own one.

It needs two registries and nothing else; only an image that has other tests here is tested first.
Metadata comes before the tag of the fingerprint, so that no image is there without it. What it
states is held against the digest and the fingerprint: whoever wrote it is not believed.
"""

from __future__ import annotations

from collections.abc import Callable

from builder.build.events import BaseResult, ImageResult, Noted, Result
from builder.build.image_push import copy_beside
from builder.build.run_context import RunContext
from builder.common.errors import DifferenceError, StepError
from builder.oci.reference import Reference
from builder.plan import image_metadata
from builder.plan.image_check import NO_METADATA, ImageCheck, artifact_problem
from builder.plan.models import Adoptable, Plan, Step, TargetPlan, base_reference
from builder.registry.interfaces import Artifact, Registry
from builder.testing.interfaces import TestCounts
from builder.trust.seals import BASE, IMAGE

TestAgain = Callable[[Step, TargetPlan, Reference], tuple[TestCounts, bytes, str]]
"""Tests an image, by its digest; returns the results, in numbers and as JUnit, and the log."""


class Adoption:
    """The steps of bases and targets whose action is `adopt`. `test_again` runs tests.

    `hands_over`: the store only keeps what is pushed, for a machine that writes.
    """

    def __init__(
        self,
        *,
        context: RunContext,
        store: Registry,
        test_again: TestAgain | None = None,
        hands_over: bool = False,
    ) -> None:
        self._context = context
        self._store = store
        self._test_again = test_again
        self._hands_over = hands_over
        self._images = ImageCheck(
            store,
            context.catalog.matrix.repository_of,
            takes_chroot=context.takes_chroot,
            trust=context.trust,
        )

    def adopt(self, step: Step) -> Result:
        """Copy the image of a step. Raises StepError, and DifferenceError where it is another."""
        return self._base(step) if step.kind == "base" else self._target(step)

    def _base(self, step: Step) -> Result:
        adoptable = self._context.plan.adoptable_bases[step.target]
        base = self._context.expansion.bases[step.target]
        reference = base_reference(base, self._context.catalog, self._context.lock)
        _check_free(reference, self._store.digest(reference), adoptable)
        self._copy(step, adoptable, reference)
        self._context.trust.sign(self._store, reference, adoptable.digest, BASE)
        detail = BaseResult(digest=adoptable.digest)
        return Result(step=step.id, status="done", reason=step.reason, detail=detail)

    def _target(self, step: Step) -> Result:
        item = self._context.plan.targets[step.target]
        adoptable = item.adoptable
        assert adoptable is not None
        assert adoptable.metadata is not None
        digest = self._store.digest(item.reference)
        if digest and not self._images.problem(item.reference, digest, item.fingerprint.digest):
            reason = "another run has brought it meanwhile"
            detail = ImageResult(digest=digest)
            return Result(step=step.id, status="reused", reason=reason, detail=detail)
        _check_free(item.reference, digest, adoptable)
        metadata, log = self._metadata(step, item, adoptable), ""
        lineage = self._context.expansion.lineage(item.target)
        ids = (lineage[0].parent, *(ancestor.made_id for ancestor in lineage))
        metadata = image_metadata.of_lineage(metadata, adoptable.metadata, ids)
        reference = image_metadata.reference_of(item.reference)
        if item.is_tested_again:
            assert self._test_again is not None
            counts, junit, log = self._test_again(step, item, adoptable.image)
            metadata = image_metadata.tested_again(
                metadata, reference, adoptable.digest, counts, item.tests_hash, junit
            )
        config = image_metadata.config_of(metadata.config, adoptable.metadata)
        detail = ImageResult(
            digest=adoptable.digest,
            size=image_metadata.size_of(config, adoptable.metadata),
            tests=image_metadata.counts_of(config, adoptable.metadata),
            chain=image_metadata.shares_of(config, adoptable.metadata),
            log=log,
        )
        self._store.put(image_metadata.adopted_from(metadata, adoptable.adopted), reference)
        self._copy(step, adoptable, item.reference)
        self._sign(item, adoptable.digest)
        return Result(step=step.id, status="done", reason=step.reason, detail=detail)

    def _sign(self, item: TargetPlan, digest: str) -> None:
        """Sign an image that was copied, if the catalog wants that."""
        self._context.trust.sign(
            self._store,
            item.reference,
            digest,
            IMAGE,
            target=item.target.id,
            fingerprint=item.fingerprint.digest,
        )

    def _metadata(self, step: Step, item: TargetPlan, adoptable: Adoptable) -> Artifact:
        """Return the metadata of an image, as upstream has it. Raises StepError."""
        self._note(step, f"reading {adoptable.metadata}")
        assert adoptable.metadata is not None
        found = self._store.get(adoptable.metadata)
        if found is None:
            raise StepError(f"{adoptable.image} cannot be adopted: {NO_METADATA}")
        if problem := artifact_problem(
            found, adoptable.metadata, adoptable.digest, item.fingerprint.digest
        ):
            raise DifferenceError(f"{adoptable.image} cannot be adopted: {problem}")
        return found

    def _copy(self, step: Step, adoptable: Adoptable, image: Reference) -> None:
        """Copy an image with what is stated of it, and compare the digest afterwards."""
        self._note(step, f"copying {adoptable.image}")
        copy_beside(self._store, adoptable.image, image)
        self._store.copy(adoptable.image, image)
        found = self._store.digest(image)
        if found != adoptable.digest and not self._hands_over:
            raise DifferenceError(f"{image} is {found} after {adoptable.image} was copied to it")

    def _note(self, step: Step, text: str) -> None:
        self._context.listen(Noted(step=step.id, text=text))


def _check_free(image: Reference, found: str | None, adoptable: Adoptable) -> None:
    """Raise DifferenceError where the tag of an image names another one."""
    if found not in {None, adoptable.digest}:
        raise DifferenceError(
            f"{image} exists with another digest: {found}, and {adoptable.digest} is to be adopted",
            hint="it stays: find out who pushed it, remove it from the registry, and run it again",
        )


def left_to_writer(step: Step) -> Result:
    """Do nothing: a machine without a credential that can write leaves a copy to another."""
    reason = f"{step.reason}; the machine that pushes copies it"
    return Result(step=step.id, status="done", reason=reason)


def is_tested(step: Step, plan: Plan) -> bool:
    """Whether an adoption runs tests, and so needs an engine."""
    return step.kind == "build" and plan.targets[step.target].is_tested_again
