"""What an engine and the smoke tests are told of a target: its context, its parents, its facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.build.build_context import write_context
from builder.build.run_context import RunContext
from builder.catalog.models import Target
from builder.catalog.recipe import packages_of
from builder.engines.interfaces import BuildRequest
from builder.lock.package_lists import package_lists
from builder.network.build_env import build_secrets
from builder.oci.reference import Reference
from builder.plan.models import TargetPlan, base_reference, reference
from builder.plan.step_id import StepId
from builder.testing.interfaces import SmokeRequest


@dataclass(frozen=True)
class Requests:
    """Requests for the targets of one run."""

    work: RunContext

    def contexts(self, target: Target) -> dict[str, Reference]:
        """Return the named contexts of a target: its parent and its inputs, by their tags."""
        if target.is_root:
            base = self.work.expansion.bases[target.parent]
            found = {"parent": base_reference(base, self.work.catalog, self.work.lock)}
        else:
            found = {"parent": self._reference(target.parent)}
        return found | {name: self._reference(item) for name, item in target.inputs}

    def _reference(self, target: str) -> Reference:
        work = self.work
        return reference(work.expansion.targets[target], work.catalog, work.fingerprints[target])

    def folder(self, item: TargetPlan) -> Path:
        """Return where the build context and the layout of a target are, while it is built."""
        return self.work.state.target(item.target.slug)

    def build(self, item: TargetPlan, contexts: Mapping[str, Reference]) -> BuildRequest:
        """Write the context of a target to disk, and say how it is built on `contexts`.

        Its downloads are not there yet: see `packages.provide`.
        """
        work, target, folder = self.work, item.target, self.folder(item)
        recipe = work.catalog.recipes[target.recipe]
        packages = work.lock.package_sets.get(target.id)
        lists = package_lists(packages, work.catalog.ecosystems)
        write_context(folder / "context", item.dockerfile.text, recipe.files, lists)
        return BuildRequest(
            id=target.slug,
            context=folder / "context",
            contexts=contexts,
            platform=target.platform,
            epoch=work.epoch(target),
            layout=folder / "layout",
            secrets=build_secrets(work.project.network, work.state.secrets),
            timeout=work.timeout,
            log=work.state.log(StepId.of("build", target.id)),
        )

    def junit(self, item: TargetPlan) -> Path:
        """Return where the results of the smoke test of a target are."""
        return self.work.state.junit(item.target.slug)

    def installed(self, item: TargetPlan) -> Path:
        """Return where the smoke test of a target leaves what is installed."""
        return self.work.state.package_list(item.target.slug)

    def smoke(self, item: TargetPlan, image: str, log: Path) -> SmokeRequest:
        """Say what is tested of a target; `image` is what the engine calls it."""
        work, values = self.work, item.target.variant.values
        matrix, versions = work.catalog.matrix, work.lock.versions
        lineage = work.expansion.lineage(item.target)
        recipes = [work.catalog.recipes[target.recipe] for target in lineage]
        packages: dict[str, list[str]] = {}
        for target, recipe in zip(lineage, recipes, strict=True):
            variables = work.fingerprints[target.id].variables
            for ecosystem, names in packages_of(recipe, variables).items():
                packages.setdefault(ecosystem, []).extend(names)
        return SmokeRequest(
            target=item.target.id,
            image=image,
            suites=tuple(Path(recipe.tests) for recipe in recipes if recipe.tests),
            facts={
                "target": item.target.id,
                "platform": item.target.platform,
                "axes": dict(values),
                "versions": {
                    line.axis: versions[line]
                    for line in item.target.variant.value_ids
                    if line in versions
                },
                "providers": matrix.providers(values),
                "packages": packages,
            },
            timeout=work.timeout,
            # An image has what its parents have: their tests meet their service in it.
            command=next((it.command for it in reversed(recipes) if it.command), ()),
            ports=tuple(dict.fromkeys(port for it in recipes for port in it.ports)),
            junit=self.junit(item),
            log=log,
            packages=self.installed(item),
        )
