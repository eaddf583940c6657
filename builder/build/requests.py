"""Makes the requests to build and test a target: its context, its parents, its facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.build.build_context import suite_folder, write_context
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

    context: RunContext

    def contexts(self, target: Target) -> dict[str, Reference]:
        """Return the named contexts of a target: its parent and its inputs, by their tags."""
        if target.is_root:
            base = self.context.expansion.bases[target.parent]
            references = {"parent": base_reference(base, self.context.catalog, self.context.lock)}
        else:
            references = {"parent": self._reference(target.parent)}
        return references | {name: self._reference(target_id) for name, target_id in target.inputs}

    def _reference(self, target_id: str) -> Reference:
        context = self.context
        return reference(
            context.expansion.targets[target_id], context.catalog, context.fingerprints[target_id]
        )

    def folder(self, target_plan: TargetPlan) -> Path:
        """Return the folder of a target that has its build context and layout during a build."""
        return self.context.state.target(target_plan.target.slug)

    def build(self, target_plan: TargetPlan, contexts: Mapping[str, Reference]) -> BuildRequest:
        """Write the build context of a target, and return the request to build it on `contexts`.

        The downloads are still missing: `packages.provide` writes them.
        """
        context, target, folder = self.context, target_plan.target, self.folder(target_plan)
        recipe = context.catalog.recipes[target.recipe]
        package_set = context.lock.package_sets.get(target.made_id)
        lists = package_lists(package_set, context.catalog.ecosystems)
        # Only a RUN that reaches the network has use for mirrors, proxies and certificates.
        is_offline = context.fingerprints[target.id].is_offline
        secrets = (
            {} if is_offline else build_secrets(context.project.network, context.state.secrets)
        )
        write_context(folder / "context", target_plan.dockerfile.text, recipe.files, lists)
        return BuildRequest(
            id=target.slug,
            context=folder / "context",
            contexts=contexts,
            platform=target.platform,
            epoch=context.epoch(target),
            layout=folder / "layout",
            secrets=secrets,
            network="none" if is_offline else "private",
            timeout=context.timeout,
            log=context.state.log(StepId.of("build", target.id)),
        )

    def junit(self, target_plan: TargetPlan) -> Path:
        """Return the path of the JUnit file of the smoke test of a target."""
        return self.context.state.junit(target_plan.target.slug)

    def installed(self, target_plan: TargetPlan) -> Path:
        """Return the path of the package list that the smoke test of a target writes."""
        return self.context.state.package_list(target_plan.target.slug)

    def smoke(self, target_plan: TargetPlan, image: str, log: Path) -> SmokeRequest:
        """Return the request to test a target; `image` is its name in the engine."""
        context, values = self.context, target_plan.target.variant.values
        matrix, lines = context.catalog.matrix, context.lock.lines_of(values)
        lineage = context.expansion.lineage(target_plan.target)
        recipes = [context.catalog.recipes[ancestor.recipe] for ancestor in lineage]
        packages: dict[str, list[str]] = {}
        for ancestor, recipe in zip(lineage, recipes, strict=True):
            variables = context.fingerprints[ancestor.id].variables
            for ecosystem, names in packages_of(recipe, variables).items():
                packages.setdefault(ecosystem, []).extend(names)
        return SmokeRequest(
            target=target_plan.target.id,
            image=image,
            suites=tuple(suite_folder(context.state, recipe) for recipe in recipes if recipe.tests),
            facts={
                "target": target_plan.target.id,
                "platform": target_plan.target.platform,
                "axes": dict(values),
                "versions": {
                    release_line.axis: lines.versions[release_line]
                    for release_line in target_plan.target.variant.value_ids
                    if release_line in lines.versions
                },
                "providers": matrix.providers(values, lines.providers),
                "packages": packages,
            },
            timeout=context.timeout,
            # An image has the services of its parents, and runs their tests.
            command=next((recipe.command for recipe in reversed(recipes) if recipe.command), ()),
            ports=tuple(dict.fromkeys(port for recipe in recipes for port in recipe.ports)),
            junit=self.junit(target_plan),
            log=log,
            # What is in a mirrored image is for upstream to say; it may have no shell to ask.
            packages=None if target_plan.target.is_mirrored else self.installed(target_plan),
            is_restricted=not (matrix.catalog.sudo or any(recipe.privileges for recipe in recipes)),
        )
