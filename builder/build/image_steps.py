"""What each kind of step does, on the ports. Lock and registry are its only state: any step can
be carried out by another process, on another machine, after those that it needs.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from builder.build import attestation, size_check
from builder.build.build_context import DOWNLOADS
from builder.build.events import BaseResult, ImageResult, Noted, Result
from builder.build.packages import check_installed, provide
from builder.build.requests import Requests
from builder.build.run_context import Ports, RunContext
from builder.catalog.packages import Inventory
from builder.common.errors import StepError
from builder.engines.interfaces import BuildRequest, Built
from builder.oci import layout as layouts
from builder.oci.image import ImageLayer
from builder.oci.layer_contents import Index
from builder.oci.reference import Reference
from builder.plan.models import Step, TargetPlan, base_reference
from builder.registry.release_record import ImageShare
from builder.testing import inventory
from builder.testing.interfaces import SmokeRequest, TestCounts

Action = Callable[[Step], Result]


class BuildActions:
    """The steps of bases and targets: fetch, build, test, push."""

    def __init__(self, *, work: RunContext, ports: Ports) -> None:
        self._work = work
        self._ports = ports
        self._requests = Requests(work)

    def base(self, step: Step) -> Result:
        """Get the content of a base into the registry."""
        if step.action != "fetch":
            return Result(step=step.id, status="reused", reason=step.reason)
        base = self._work.expansion.bases[step.target]
        place = base_reference(base, self._work.catalog, self._work.lock)
        self._note(step, "fetching")
        layout = self._ports.bases.layout(base, self._work.lock.base(base.id))
        self._note(step, "pushing")
        digest = self._ports.store.push(layout, place)
        return Result(
            step=step.id, status="done", reason=step.reason, detail=BaseResult(digest=digest)
        )

    def target(self, step: Step) -> Result:
        """Build a target, test it, push it under its fingerprint; or say why not."""
        item = self._work.plan.targets[step.target]
        if item.action == "retire":
            return Result(step=step.id, status="retired", reason=step.reason)
        if item.action == "block":
            return Result(step=step.id, status="blocked", reason=step.reason, exit_code=5)
        if item.action == "reuse":
            return Result(step=step.id, status="reused", reason=step.reason, detail=_known(item))
        if item.action == "test":
            return self._test_again(step, item)
        held = self._ports.store.digest(item.reference)
        if held is not None:
            reason = "built meanwhile by another run"
            return Result(
                step=step.id, status="reused", reason=reason, detail=ImageResult(digest=held)
            )
        return self._build(step, item)

    def test(self, step: Step) -> Result:
        """Run the smoke test of a target on what the registry has of it."""
        counts, log = self._test(step, self._work.plan.targets[step.target])
        detail = ImageResult(tests=counts, log=str(log))
        return Result(step=step.id, status="done", reason=f"{counts.passed} passed", detail=detail)

    def _test(self, step: Step, item: TargetPlan) -> tuple[TestCounts, Path]:
        image = self._pinned(item.reference)
        log = self._work.state.log(step.id)
        log.unlink(missing_ok=True)
        self._note(step, "testing")
        return self._ports.smoke.test(self._requests.smoke(item, str(image), log)), log

    def _test_again(self, step: Step, item: TargetPlan) -> Result:
        """Run other tests than those that an image passed, and say so in its evidence."""
        place = attestation.reference_of(item.reference)
        held = self._ports.store.get(place)
        if held is None:
            raise StepError(f"{place} has no evidence of its tests", hint="build it again")
        counts, log = self._test(step, item)
        junit = self._requests.junit(item).read_bytes()
        new = attestation.tested_again(held, place, counts, item.suite, junit)
        self._ports.store.put(new, place)
        detail = ImageResult(digest=item.digest or "", tests=counts, log=str(log))
        return Result(step=step.id, status="done", reason=f"{counts.passed} passed", detail=detail)

    def make(self, step: Step, item: TargetPlan) -> tuple[BuildRequest, Built]:
        """Build a target, on what the registry has of what it stands on."""
        self._work.state.log(step.id).unlink(missing_ok=True)
        shutil.rmtree(self._requests.folder(item), ignore_errors=True)
        self._note(step, "building")
        named = self._requests.contexts(item.target)
        contexts = {name: self._pinned(it) for name, it in named.items()}
        below = self._ports.store.layers(contexts["parent"])
        request = self._requests.build(item, contexts)
        request = replace(request, below=below, on_line=partial(self._note_instruction, step))
        folder = request.context / DOWNLOADS
        provide(item.target, self._work, self._ports, folder, partial(self._note, step))
        self._note(step, "building")
        return request, self._ports.engine.build(request)

    def _build(self, step: Step, item: TargetPlan) -> Result:
        began = time.monotonic()
        log = self._work.state.log(step.id)
        log.unlink(missing_ok=True)
        request, built = self.make(step, item)
        self._note(step, "testing")
        asked = self._requests.smoke(item, built.local, log)
        parent = self._requests.contexts(item.target)["parent"]
        below = attestation.read(self._ports.store, parent)
        chain = self._weighed(item, built, request, asked, below)
        counts = self._ports.smoke.test(asked)
        self._compare(item, below.packages)
        self._note(step, "pushing")
        known = attestation.ImageMetadata(
            digest=built.digest,
            size=built.size,
            tests=counts,
            seconds=time.monotonic() - began,
            chain=chain,
            suite=item.suite,
        )
        digest = self._push(item, built, request.contexts["parent"], known)
        shutil.rmtree(self._requests.folder(item), ignore_errors=True)
        detail = ImageResult(
            digest=digest, size=built.size, tests=counts, chain=chain, log=str(log)
        )
        return Result(step=step.id, status="done", reason=step.reason, detail=detail)

    def _compare(self, item: TargetPlan, below: Inventory | None) -> None:
        """Compare what is installed with the lock, where that has it. Raises StepError."""
        if item.target.id in self._work.lock.package_sets:
            installed = inventory.parse(self._requests.installed(item).read_bytes())
            check_installed(item.target, self._work, installed, below)

    def _weighed(
        self,
        item: TargetPlan,
        built: Built,
        request: BuildRequest,
        asked: SmokeRequest,
        below: attestation.StoredMetadata,
    ) -> tuple[ImageShare, ...]:
        """What it adds to its parent, as the last of a chain. Raises SizeError."""
        work, ports, target = self._work, self._ports, item.target
        weight = size_check.measure_size(item, built, request.below, below.chain)
        if size_check.is_over(weight, item.budget):
            before = None
            if item.before is not None:
                place = item.repository.with_tag(item.before.tag)
                before = attestation.read(ports.store, place).packages
            packages = inventory.without(ports.smoke.packages(asked), below.packages or {})
            raise size_check.too_large(item, weight, packages, before)

        def blob(layer: ImageLayer) -> Path:
            file = layouts.blob(built.layout, layer.digest)
            if not file.exists():
                ports.store.blob(request.contexts["parent"], layer.digest, file)
            return file

        size_check.check_layers(
            target.id, weight, Index(folder=work.state.layer_indexes, blob=blob)
        )
        return weight.chain

    def _push(
        self,
        item: TargetPlan,
        built: Built,
        parent: Reference,
        known: attestation.ImageMetadata,
    ) -> str:
        """Push what passed, its evidence first: no fp-tag is ever without. The tag's digest."""
        junit = self._requests.junit(item).read_bytes()
        packages = self._requests.installed(item).read_bytes()
        store, beside = self._ports.store, attestation.reference_of(item.reference)
        store.put(attestation.artifact(known, item.fingerprint, junit, packages), beside)
        digest = store.push(built.layout, item.reference, parent)
        if digest != built.digest:
            # Another run was first. What was tested here has the same inputs.
            known = replace(known, digest=digest)
            store.put(attestation.artifact(known, item.fingerprint, junit, packages), beside)
        return digest

    def _pinned(self, place: Reference) -> Reference:
        """The same by digest, so that what is built on cannot move."""
        digest = self._ports.store.digest(place)
        if digest is None:
            raise StepError(f"{place} is not in the registry, and is built on")
        return place.at(digest)

    def _note_instruction(self, step: Step, line: str) -> None:
        if instruction := self._ports.engine.instruction(line):
            text = f"building, instruction {instruction}"
            self._work.listen(Noted(step=step.id, text=text, passing=True))

    def _note(self, step: Step, text: str) -> None:
        self._work.listen(Noted(step=step.id, text=text))


def _known(item: TargetPlan) -> ImageResult:
    """Return what the current release says of an image that is reused, where it has that image."""
    digest, known = item.digest or "", item.released
    if known is None:
        return ImageResult(digest=digest)
    counts = {name: known.tests.get(name, 0) for name in ("passed", "failed", "skipped")}
    tests = TestCounts(**counts) if known.tests else None
    return ImageResult(digest=digest, size=known.size, tests=tests, chain=known.chain)
