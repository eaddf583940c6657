"""Carries out the steps of base images and targets.

Lock and registry are their only state: once its needs have ended, a step can be carried out by
another process or on another machine.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from builder.build import size_check
from builder.build.build_context import DOWNLOADS
from builder.build.events import BaseResult, ImageResult, Noted, Result
from builder.build.image_push import ImagePush, TestedImage, check_mirrored
from builder.build.packages import check_installed, provide
from builder.build.requests import Requests
from builder.build.run_context import RunContext, Toolbox
from builder.catalog.models import Target
from builder.catalog.packages import PackageList
from builder.common.errors import StepError
from builder.engines.interfaces import BuildRequest, Built
from builder.oci import layout as layouts
from builder.oci.image import ImageLayer
from builder.oci.layer_contents import Index
from builder.oci.reference import Reference
from builder.plan import image_metadata
from builder.plan.image_check import NO_METADATA, ImageCheck, refusal
from builder.plan.models import Step, TargetPlan, base_reference
from builder.registry.release_record import ImageShare
from builder.testing import package_list
from builder.testing.interfaces import SmokeRequest, TestCounts
from builder.trust.seals import BASE

Action = Callable[[Step], Result]


class BuildActions:
    """The steps of bases and targets: fetch, build, test, push."""

    def __init__(self, *, context: RunContext, toolbox: Toolbox) -> None:
        self._context = context
        self._toolbox = toolbox
        self._requests = Requests(context)
        repository_of = context.catalog.matrix.repository_of
        self._images = ImageCheck(
            toolbox.store,
            repository_of,
            takes_chroot=context.takes_chroot,
            trust=context.trust,
        )
        self._image_push = ImagePush(
            store=toolbox.store,
            repository_of=repository_of,
            blob_file=context.state.registry_blob,
            trust=context.trust,
        )

    def base(self, step: Step) -> Result:
        """Fetch a base image and push it to the registry."""
        if step.action != "fetch":
            return Result(step=step.id, status="reused", reason=step.reason)
        base = self._context.expansion.bases[step.target]
        lock = self._context.lock.base(base.id)
        reference = base_reference(base, self._context.catalog, self._context.lock)
        self._note(step, "fetching")
        if lock.source.kind == "image":
            digest = self._image_push.mirror(lock, self._context.project.network, reference)
        else:
            layout = self._toolbox.bases.layout(base, lock)
            self._note(step, "pushing")
            digest = self._image_push.push_base(layout, reference)
        return Result(
            step=step.id, status="done", reason=step.reason, detail=BaseResult(digest=digest)
        )

    def target(self, step: Step) -> Result:
        """Build a target, test it and push it under its fingerprint.

        A target whose plan has no work gets a result with the reason. Raises BuilderError.
        """
        target_plan = self._context.plan.targets[step.target]
        if target_plan.action == "retire":
            return Result(step=step.id, status="retired", reason=step.reason)
        if target_plan.action == "block":
            return Result(step=step.id, status="blocked", reason=step.reason, exit_code=5)
        if target_plan.action == "reuse":
            return Result(
                step=step.id, status="reused", reason=step.reason, detail=_reused(target_plan)
            )
        if target_plan.action == "test":
            return self._test_again(step, target_plan)
        image, fingerprint = target_plan.reference, target_plan.fingerprint.digest
        digest = self._toolbox.store.digest(image)
        if digest is not None and not self._images.problem(image, digest, fingerprint):
            reason = "another run has built it meanwhile"
            return Result(
                step=step.id, status="reused", reason=reason, detail=ImageResult(digest=digest)
            )
        make = self._tag_mirrored if target_plan.action == "mirror" else self._build
        return make(step, target_plan)

    def test(self, step: Step) -> Result:
        """Run the smoke test of a target on its image in the registry."""
        target_plan = self._context.plan.targets[step.target]
        image = self._pinned(target_plan.reference, "image", target_plan.target.id)
        counts, log = self._test(step, target_plan, image)
        detail = ImageResult(tests=counts, log=str(log))
        return Result(step=step.id, status="done", reason=f"{counts.passed} passed", detail=detail)

    def _test(
        self, step: Step, target_plan: TargetPlan, image: Reference
    ) -> tuple[TestCounts, Path]:
        log = self._context.state.log(step.id)
        log.parent.mkdir(parents=True, exist_ok=True)  # no build has made it
        log.unlink(missing_ok=True)
        self._note(step, "testing")
        return self._toolbox.smoke.test(self._requests.smoke(target_plan, str(image), log)), log

    def test_adopted(
        self, step: Step, target_plan: TargetPlan, image: Reference
    ) -> tuple[TestCounts, bytes, str]:
        """Run the tests of a target on an image of upstream; return results, JUnit, and the log."""
        counts, log = self._test(step, target_plan, image)
        return counts, self._requests.junit(target_plan).read_bytes(), str(log)

    def _test_again(self, step: Step, target_plan: TargetPlan) -> Result:
        """Run the changed tests of an image, and store the results in its metadata."""
        image = self._pinned(target_plan.reference, "image", target_plan.target.id)
        counts, log = self._test(step, target_plan, image)
        reference = image_metadata.reference_of(target_plan.reference)
        stored = self._toolbox.store.get(reference)
        if stored is None:
            raise refusal(target_plan.reference, NO_METADATA, target_plan.target.id)
        junit = self._requests.junit(target_plan).read_bytes()
        updated = image_metadata.tested_again(
            stored, reference, image.digest, counts, target_plan.tests_hash, junit
        )
        self._toolbox.store.put(updated, reference)
        detail = ImageResult(digest=image.digest, tests=counts, log=str(log))
        return Result(step=step.id, status="done", reason=f"{counts.passed} passed", detail=detail)

    def make(self, step: Step, target_plan: TargetPlan) -> tuple[BuildRequest, Built]:
        """Build a target on its parent and inputs; return the request and the image.

        Raises StepError if one of them is not in the registry.
        """
        self._context.state.log(step.id).unlink(missing_ok=True)
        shutil.rmtree(self._requests.folder(target_plan), ignore_errors=True)
        self._note(step, "building")
        contexts = self._pinned_contexts(target_plan.target)
        parent_layers = self._toolbox.store.layers(contexts["parent"])
        request = self._requests.build(target_plan, contexts)
        request = replace(
            request, below=parent_layers, on_line=partial(self._note_instruction, step)
        )
        self._provide(step, target_plan, request.context / DOWNLOADS)
        self._note(step, "building")
        return request, self._toolbox.engine.build(request)

    def _provide(self, step: Step, target_plan: TargetPlan, folder: Path) -> None:
        """Write what a target is built from into a folder of its build context."""
        provide(target_plan.target, self._context, self._toolbox, folder, partial(self._note, step))

    def _build(self, step: Step, target_plan: TargetPlan) -> Result:
        began = time.monotonic()
        log = self._context.state.log(step.id)
        request, built = self.make(step, target_plan)
        self._note(step, "testing")
        smoke_request = self._requests.smoke(target_plan, built.local, log)
        parent = self._requests.contexts(target_plan.target)["parent"]
        parent_metadata = image_metadata.read(self._toolbox.store, parent)
        shares = self._check_size(target_plan, built, request, smoke_request, parent_metadata)
        counts = self._toolbox.smoke.test(smoke_request)
        self._check_packages(target_plan, parent_metadata.packages)
        self._note(step, "pushing")
        metadata = image_metadata.ImageMetadata(
            digest=built.digest,
            size=built.size,
            tests=counts,
            seconds=time.monotonic() - began,
            shares=shares,
            tests_hash=target_plan.tests_hash,
            isolation=built.isolation,
            network=built.network,
            **vars(self._context.use()),
        )
        digest = self._push(target_plan, built, request.contexts["parent"], metadata)
        shutil.rmtree(self._requests.folder(target_plan), ignore_errors=True)
        if digest != built.digest:
            reason = f"{step.reason}; {digest} stays, which another run pushed first: it has the"
            reason += f" same configuration and layers as {built.digest}, compressed otherwise"
            detail = ImageResult(digest=digest, log=str(log))
            return Result(step=step.id, status="done", reason=reason, detail=detail)
        detail = ImageResult(
            digest=digest,
            size=built.size,
            tests=counts,
            chain=shares,
            isolation=built.isolation,
            network=built.network,
            log=str(log),
        )
        return Result(step=step.id, status="done", reason=step.reason, detail=detail)

    def _tag_mirrored(self, step: Step, target_plan: TargetPlan) -> Result:
        """Test a mirrored image, and give it the tag of its fingerprint, with its metadata."""
        began, store = time.monotonic(), self._toolbox.store
        target, lock = target_plan.target, self._context.lock.base(target_plan.target.parent)
        mirrored = self._pinned_contexts(target)["parent"]
        check_mirrored(mirrored, mirrored.digest, lock.content)
        check_mirrored(target_plan.reference, store.digest(target_plan.reference), lock.content)
        image = mirrored.at(lock.manifest)
        counts, log = self._test(step, target_plan, image)
        self._note(step, "pushing")
        layers, size = len(store.layers(image)), sum(store.blobs(image).values())
        metadata = image_metadata.ImageMetadata(
            digest=lock.content,
            size=size,
            tests=counts,
            seconds=time.monotonic() - began,
            shares=(ImageShare(target=target.id, recipe=target.recipe, layers=layers, size=size),),
            tests_hash=target_plan.tests_hash,
            isolation=image_metadata.MIRRORED,
        )
        artifact = image_metadata.artifact(
            metadata,
            target_plan.fingerprint,
            self._requests.junit(target_plan).read_bytes(),
            package_list.dump({}),
        )
        store.put(artifact, image_metadata.reference_of(target_plan.reference))
        store.copy(mirrored, target_plan.reference)
        self._image_push.sign_target(
            target_plan.reference, lock.content, target.id, target_plan.fingerprint
        )
        detail = ImageResult(
            digest=lock.content, size=size, tests=counts, chain=metadata.shares, log=str(log)
        )
        return Result(step=step.id, status="done", reason=step.reason, detail=detail)

    def _check_packages(self, target_plan: TargetPlan, parent_packages: PackageList | None) -> None:
        """Compare the installed packages with the lock, if it has them. Raises StepError."""
        if target_plan.target.made_id in self._context.lock.package_sets:
            installed = package_list.parse(self._requests.installed(target_plan).read_bytes())
            check_installed(target_plan.target, self._context, installed, parent_packages)

    def _check_size(
        self,
        target_plan: TargetPlan,
        built: Built,
        request: BuildRequest,
        smoke_request: SmokeRequest,
        parent_metadata: image_metadata.StoredMetadata,
    ) -> tuple[ImageShare, ...]:
        """Return the shares of the lineage, the image last. Raises SizeError if it is too large."""
        toolbox = self._toolbox
        image_size = size_check.measure_size(
            target_plan, built, request.below, parent_metadata.shares
        )
        if size_check.is_over(image_size, target_plan.budget):
            released_packages = None
            if target_plan.before is not None:
                reference = target_plan.repository.with_tag(target_plan.before.tag)
                released_packages = image_metadata.read(toolbox.store, reference).packages
            packages = package_list.without(
                toolbox.smoke.packages(smoke_request), parent_metadata.packages or {}
            )
            raise size_check.too_large(target_plan, image_size, packages, released_packages)

        self._check_layers(target_plan, image_size, built, request.contexts["parent"])
        return image_size.shares

    def _check_layers(
        self,
        target_plan: TargetPlan,
        image_size: size_check.ImageSize,
        built: Built,
        parent: Reference,
    ) -> None:
        """Raise SizeError if a layer of an image repeats files of its `parent`."""

        def blob(layer: ImageLayer) -> Path:
            file = layouts.blob(built.layout, layer.digest)
            if not file.exists():
                self._toolbox.store.blob(parent, layer, file)
            return file

        index = Index(folder=self._context.state.layer_indexes, blob=blob)
        size_check.check_layers(target_plan.target.id, image_size, index)

    def _push(
        self,
        target_plan: TargetPlan,
        built: Built,
        parent: Reference,
        metadata: image_metadata.ImageMetadata,
    ) -> str:
        """Push an image with its metadata; return the digest of the fingerprint tag."""
        return self._image_push.push(
            TestedImage(
                target=target_plan.target.id,
                image=target_plan.reference,
                parent=parent,
                built=built,
                fingerprint=target_plan.fingerprint,
                metadata=metadata,
                junit=self._requests.junit(target_plan).read_bytes(),
                packages=self._listed(target_plan),
            )
        )

    def _listed(self, target_plan: TargetPlan) -> bytes:
        """Return the package list to store: of the image, and of what its lineage does without."""
        lineage = self._context.expansion.lineage(target_plan.target)
        missing = {image: why for ancestor in lineage for image, why in ancestor.without}
        installed = package_list.parse(self._requests.installed(target_plan).read_bytes())
        return package_list.dump(package_list.with_missing(installed, missing))

    def _pinned_contexts(self, target: Target) -> dict[str, Reference]:
        """Return the parent and the inputs of a target by digest. Raises as `_pinned` does."""
        # A base is no target: the build of the target itself fetches it.
        parent = target.id if target.is_root else target.parent
        sources = {"parent": parent, **dict(target.inputs)}
        return {
            name: self._pinned(
                reference,
                "parent image" if name == "parent" else f"input {name}",
                sources[name],
                is_base=target.is_root and name == "parent",
            )
            for name, reference in self._requests.contexts(target).items()
        }

    def _pinned(
        self, reference: Reference, role: str, target_id: str, *, is_base: bool = False
    ) -> Reference:
        """Return a reference by digest, which cannot move.

        A build of `target_id` brings it; `role` names it in the error. Raises StepError if it is
        missing, and DifferenceError if it is not believed.
        """
        digest = self._toolbox.store.digest(reference)
        if digest is None:
            raise StepError(
                f"{role} {reference} not found in the registry",
                hint=f"builder build -s {target_id}",
            )
        if is_base:
            self._context.trust.check(self._toolbox.store, reference, digest, BASE)
        else:
            fingerprint = self._context.fingerprints[target_id].digest
            self._images.check(reference, digest, fingerprint, target_id)
        return reference.at(digest)

    def _note_instruction(self, step: Step, line: str) -> None:
        if instruction := self._toolbox.engine.instruction(line):
            text = f"building, instruction {instruction}"
            self._context.listen(Noted(step=step.id, text=text, passing=True))

    def _note(self, step: Step, text: str) -> None:
        self._context.listen(Noted(step=step.id, text=text))


def _reused(target_plan: TargetPlan) -> ImageResult:
    """Return the result of a reused image, with its data from the current release if it has any."""
    digest, released = target_plan.digest or "", target_plan.released
    if released is None:
        return ImageResult(digest=digest)
    counts = {name: released.tests.get(name, 0) for name in ("passed", "failed", "skipped")}
    tests = TestCounts(**counts) if released.tests else None
    return ImageResult(digest=digest, size=released.size, tests=tests, chain=released.shares)
