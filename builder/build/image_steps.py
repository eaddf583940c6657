"""What each kind of step does, on the ports. Lock and registry are its only state: any step can
be carried out by another process, on another machine, after those that it needs.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from builder.build import attestation, size_check
from builder.build.build_context import DOWNLOADS, write_context
from builder.build.events import Noted, Result
from builder.build.packages import check_installed, provide
from builder.build.run_context import Ports, RunContext
from builder.catalog.models import RemoteFile, Target
from builder.catalog.recipe import budget_of, build_variables, packages_of, suite
from builder.common.errors import StepError
from builder.engines.interfaces import BuildRequest, Built
from builder.engines.names import instruction_of
from builder.lock.package_lists import package_lists
from builder.network.build_env import build_secrets
from builder.oci import layout as layouts
from builder.oci.image import ImageLayer
from builder.oci.layer_contents import Index
from builder.oci.reference import Reference
from builder.plan.fingerprint import downloads
from builder.plan.models import Step, TargetPlan, base_reference, reference
from builder.testing import inventory
from builder.testing.interfaces import SmokeRequest

Action = Callable[[Step], Result]


class BuildActions:
    """The steps of bases and targets: fetch, build, test, push."""

    def __init__(self, *, work: RunContext, ports: Ports) -> None:
        self._work = work
        self._ports = ports

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
        return Result(step=step.id, status="done", reason=step.reason, detail={"digest": digest})

    def target(self, step: Step) -> Result:
        """Build a target, test it, push it under its fingerprint; or say why not."""
        item = self._work.plan.targets[step.target]
        if item.action == "retire":
            return Result(step=step.id, status="retired", reason=step.reason)
        if item.action == "block":
            return Result(step=step.id, status="blocked", reason=step.reason, exit_code=5)
        if item.action == "reuse":
            detail: dict[str, object] = {"digest": item.digest}
            if item.released is not None:
                known = item.released
                detail |= {"size": known.size, "tests": dict(known.tests)}
                detail |= {"chain": list(known.chain)}
            return Result(step=step.id, status="reused", reason=step.reason, detail=detail)
        if item.action == "test":
            return self._test_again(step, item)
        place = item.repository.with_tag(item.fingerprint.tag)
        held = self._ports.store.digest(place)
        if held is not None:
            reason = "built meanwhile by another run"
            return Result(step=step.id, status="reused", reason=reason, detail={"digest": held})
        return self._build(step, item, place)

    def test(self, step: Step) -> Result:
        """Run the smoke test of a target on what the registry has of it."""
        item = self._work.plan.targets[step.target]
        image = self._pinned(item.repository.with_tag(item.fingerprint.tag))
        log = self._work.state.log(step.id)
        log.unlink(missing_ok=True)
        junit = self._work.state.junit(item.target.slug)
        self._note(step, "testing")
        counts = self._ports.smoke.test(self.smoke_request(item, str(image), junit, log))
        detail = {"tests": asdict(counts), "log": str(log)}
        return Result(step=step.id, status="done", reason=f"{counts.passed} passed", detail=detail)

    def _test_again(self, step: Step, item: TargetPlan) -> Result:
        """Run other tests than those that an image passed, and say so in its evidence."""
        place = attestation.reference_of(item.repository.with_tag(item.fingerprint.tag))
        held = self._ports.store.get(place)
        if held is None:
            raise StepError(f"{place} has no evidence of its tests", hint="build it again")
        found = self.test(step)
        junit = (self._work.state.junit(item.target.slug)).read_bytes()
        tests, tested = found.detail["tests"], self._suite(item.target)
        new = attestation.tested_again(held, place, tests, tested, junit)
        self._ports.store.put(new, place)
        return replace(found, detail={**found.detail, "digest": item.digest})

    def _suite(self, target: Target) -> str:
        work = self._work
        return suite(work.catalog.recipes[one.recipe] for one in work.expansion.lineage(target))

    def make(self, step: Step, item: TargetPlan) -> tuple[BuildRequest, Built]:
        """Build a target, on what the registry has of what it stands on."""
        self._work.state.log(step.id).unlink(missing_ok=True)
        shutil.rmtree(self.folder(item), ignore_errors=True)
        self._note(step, "building")
        contexts = {name: self._pinned(it) for name, it in self.contexts(item.target).items()}
        below = self._ports.store.layers(contexts["parent"])
        request = self.request(item, contexts)
        request = replace(request, below=below, on_line=partial(self._note_instruction, step))
        folder = request.context / DOWNLOADS
        provide(item.target, self._work, self._ports, folder, partial(self._note, step))
        self._note(step, "building")
        return request, self._ports.engine.build(request)

    def _build(self, step: Step, item: TargetPlan, place: Reference) -> Result:
        began = time.monotonic()
        log = self._work.state.log(step.id)
        log.unlink(missing_ok=True)
        request, built = self.make(step, item)
        self._note(step, "testing")
        junit = self._work.state.junit(item.target.slug)
        asked = self.smoke_request(item, built.local, junit, log)
        chain = self._weighed(item, built, request, asked)
        counts = self._ports.smoke.test(asked)
        self._compare(item)
        self._note(step, "pushing")
        known = attestation.ImageMetadata(
            digest=built.digest,
            size=built.size,
            tests=counts,
            seconds=time.monotonic() - began,
            chain=chain,
            suite=self._suite(item.target),
        )
        digest = self._push(item, built, place, request.contexts["parent"], known)
        shutil.rmtree(self.folder(item), ignore_errors=True)
        detail = {"digest": digest, "size": built.size, "tests": asdict(counts)}
        detail |= {"chain": list(chain), "log": str(log)}
        return Result(step=step.id, status="done", reason=step.reason, detail=detail)

    def _compare(self, item: TargetPlan) -> None:
        """Compare what is installed with the lock, where that has it. Raises StepError."""
        if item.target.id in self._work.lock.package_sets:
            installed = inventory.parse(self._packages(item).read_bytes())
            parent = self.contexts(item.target)["parent"]
            below = attestation.read(self._ports.store, parent).packages
            check_installed(item.target, self._work, installed, below)

    def _weighed(
        self, item: TargetPlan, built: Built, request: BuildRequest, asked: SmokeRequest
    ) -> tuple[Mapping[str, object], ...]:
        """What it adds to its parent, as the last of a chain. Raises SizeError."""
        work, ports, target = self._work, self._ports, item.target
        below = attestation.read(ports.store, self.contexts(target)["parent"])
        weight = size_check.measure_size(item, built, request.below, below.config)
        recipe = work.catalog.recipes[target.recipe]
        budget = budget_of(recipe, build_variables(target, work.catalog.matrix, work.lock.versions))
        if size_check.is_over(weight, budget):
            before = None
            if item.before is not None:
                place = item.repository.with_tag(item.before.tag)
                before = attestation.read(ports.store, place).packages
            packages = inventory.without(ports.smoke.packages(asked), below.packages or {})
            raise size_check.too_large(item, weight, budget, packages, before)

        def blob(layer: ImageLayer) -> Path:
            file = layouts.blob(built.layout, layer.digest)
            if not file.exists():
                ports.store.blob(request.contexts["parent"], layer.digest, file)
            return file

        size_check.check_layers(
            target.id, weight, Index(folder=work.state.layer_indexes, blob=blob)
        )
        return weight.chain

    def downloads(self, target: Target) -> tuple[RemoteFile, ...]:
        """The files of the network that a target is built with."""
        work = self._work
        return downloads(target, work.catalog, work.expansion, work.lock)

    def _push(
        self,
        item: TargetPlan,
        built: Built,
        place: Reference,
        parent: Reference,
        known: attestation.ImageMetadata,
    ) -> str:
        """Push what passed, its evidence first: no fp-tag is ever without. The tag's digest."""
        junit = (self._work.state.junit(item.target.slug)).read_bytes()
        packages = self._packages(item).read_bytes()
        store, beside = self._ports.store, attestation.reference_of(place)
        store.put(attestation.artifact(known, item.fingerprint, junit, packages), beside)
        digest = store.push(built.layout, place, parent)
        if digest != built.digest:
            # Another run was first. What was tested here has the same inputs.
            known = replace(known, digest=digest)
            store.put(attestation.artifact(known, item.fingerprint, junit, packages), beside)
        return digest

    def _packages(self, item: TargetPlan) -> Path:
        """Where its smoke test leaves what is installed."""
        return self._work.state.package_list(item.target.slug)

    def request(self, item: TargetPlan, contexts: Mapping[str, Reference]) -> BuildRequest:
        """How a target is built, its context written to disk; `contexts` are what it stands on.

        Its downloads are not there yet: see `provide`.
        """
        folder, log = self.folder(item), self._work.state.log(f"build:{item.target.id}")
        target, project = item.target, self._work.project
        recipe = self._work.catalog.recipes[target.recipe]
        dockerfile = str(item.fingerprint.document["dockerfile"])
        lists = package_lists(
            self._work.lock.package_sets.get(target.id), self._work.catalog.ecosystems
        )
        write_context(folder / "context", dockerfile, recipe.files, lists)
        return BuildRequest(
            id=target.slug,
            context=folder / "context",
            contexts=contexts,
            platform=target.platform,
            epoch=self._work.epoch(target),
            layout=folder / "layout",
            secrets=build_secrets(project.network, self._work.state.secrets),
            timeout=self._work.timeout,
            log=log,
        )

    def smoke_request(self, item: TargetPlan, image: str, junit: Path, log: Path) -> SmokeRequest:
        """What the smoke test of a target is told; `image` is what the engine calls it."""
        lineage = self._work.expansion.lineage(item.target)
        recipes = [self._work.catalog.recipes[target.recipe] for target in lineage]
        packages: dict[str, list[str]] = {}
        matrix, versions = self._work.catalog.matrix, self._work.lock.versions
        for target, recipe in zip(lineage, recipes, strict=True):
            for ecosystem, names in packages_of(
                recipe, build_variables(target, matrix, versions)
            ).items():
                packages.setdefault(ecosystem, []).extend(names)
        values = item.target.variant.values
        return SmokeRequest(
            target=item.target.id,
            image=image,
            suites=tuple(Path(recipe.tests) for recipe in recipes if recipe.tests),
            facts={
                "target": item.target.id,
                "platform": item.target.platform,
                "axes": dict(values),
                "versions": {
                    axis: versions[f"{axis}={name}"]
                    for axis, name in values.items()
                    if f"{axis}={name}" in versions
                },
                "providers": matrix.providers(values),
                "packages": packages,
            },
            timeout=self._work.timeout,
            # An image has what its parents have: their tests meet their service in it.
            command=next((it.command for it in reversed(recipes) if it.command), ()),
            ports=tuple(dict.fromkeys(port for it in recipes for port in it.ports)),
            junit=junit,
            log=log,
            packages=self._packages(item),
        )

    def folder(self, item: TargetPlan) -> Path:
        """Where a target's build context and layout are, while it is built."""
        return self._work.state.target(item.target.slug)

    def contexts(self, target: Target) -> dict[str, Reference]:
        """What a target stands on: its named contexts, by their fingerprints' tags."""
        work = self._work
        if target.is_root:
            base = work.expansion.bases[target.parent]
            found = {"parent": base_reference(base, work.catalog, work.lock)}
        else:
            found = {"parent": self._reference(target.parent)}
        return found | {name: self._reference(item) for name, item in target.inputs}

    def _reference(self, target: str) -> Reference:
        work = self._work
        return reference(work.expansion.targets[target], work.catalog, work.fingerprints[target])

    def _pinned(self, place: Reference) -> Reference:
        """The same by digest, so that what is built on cannot move."""
        digest = self._ports.store.digest(place)
        if digest is None:
            raise StepError(f"{place} is not in the registry, and is built on")
        return place.at(digest)

    def _note_instruction(self, step: Step, line: str) -> None:
        if instruction := instruction_of(line):
            text = f"building, {instruction}"
            self._work.listen(Noted(step=step.id, text=text, passing=True))

    def _note(self, step: Step, text: str) -> None:
        self._work.listen(Noted(step=step.id, text=text))
