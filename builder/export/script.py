"""Prints the commands of steps as lines of sh, which run without the builder."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.build.build_context import DOWNLOADS
from builder.build.requests import Requests
from builder.build.run_context import RunContext
from builder.catalog.ids import TargetId
from builder.charts.helm import Helm
from builder.common.files import write, write_tree
from builder.engines.interfaces import Engine
from builder.export.tree import fetch_lines
from builder.lock.package_lists import files_to_fetch
from builder.network.upstreams import image_reference
from builder.plan.models import Step, TargetPlan, base_reference
from builder.registry.store import RegistryStore
from builder.resolvers.base_images.bootstrap import BASE_DOCKERFILE
from builder.resolvers.base_images.provider import Bases


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Prints steps instead of carrying them out. It writes build contexts and charts."""

    context: RunContext
    engine: Engine
    store: RegistryStore
    bases: Bases
    requests: Requests
    helm: Helm

    def lines(self, steps: Mapping[str, Step]) -> Iterator[str]:
        """Yield the lines of the script, with a comment before each step."""
        yield "set -eu"
        yield from self.engine.preamble()
        for step in steps.values():
            yield f"\n# {step.id}: {step.action}, {step.reason.splitlines()[0]}"
            yield from self._step(step)

    def _step(self, step: Step) -> Iterable[str]:
        lines = {
            "adopt": self._adopted,
            "build": self._target,
            "fetch": self._base,
            "mirror": self._mirrored,
            "package": self._chart,
            "release": self._release,
        }
        return lines[step.action](step) if step.action in lines else ()

    def _base(self, step: Step) -> Iterator[str]:
        base = self.context.expansion.bases[step.target]
        lock = self.context.lock.base(base.id)
        reference = base_reference(base, self.context.catalog, self.context.lock)
        if lock.source.kind == "image":
            source = image_reference(lock.source.value, self.context.project.network.mirrors)
            yield str(self.store.copy_command(source.at(lock.content), reference))
            return
        request = self.bases.request(base, lock)
        if lock.source.kind == "registry":
            yield f"mkdir -p {shlex.quote(str(request.layout.parent))}"
            yield str(self.bases.pull_command(base, lock.source, lock.content, request.layout))
        else:
            archive = request.context / "rootfs.tar"
            write(request.context / "Dockerfile", BASE_DOCKERFILE.encode())
            yield f"rm -f {shlex.quote(str(archive))}"
            yield str(self.bases.bootstrap_command(base, lock.source, lock.epoch, archive))
            yield from self.engine.commands(request)
        yield str(self.store.push_command(request.layout, reference))

    def _adopted(self, step: Step) -> Iterator[str]:
        """Yield the copy of an image. Its metadata is copied by the builder alone."""
        plan, catalog = self.context.plan, self.context.catalog
        if step.kind == "base":
            base = self.context.expansion.bases[step.target]
            source, image = (
                plan.adoptable_bases[step.target].image,
                base_reference(base, catalog, self.context.lock),
            )
        else:
            adoptable = plan.targets[step.target].adoptable
            assert adoptable is not None
            source, image = adoptable.image, plan.targets[step.target].reference
        yield str(self.store.copy_command(source, image))

    def _mirrored(self, step: Step) -> Iterator[str]:
        target_plan = self.context.plan.targets[step.target]
        image = self.requests.contexts(target_plan.target)["parent"]
        yield str(self.store.copy_command(image, target_plan.reference))

    def _target(self, step: Step) -> Iterator[str]:
        target_plan = self.context.plan.targets[step.target]
        request = self.requests.build(target_plan, self.requests.contexts(target_plan.target))
        folder = request.context / DOWNLOADS
        package_set = self.context.lock.package_sets.get(target_plan.target.made_id)
        packages = files_to_fetch(package_set, self.context.catalog.ecosystems)
        for index, file in enumerate((*target_plan.files, *packages)):
            if not index:
                yield f"mkdir -p {shlex.quote(str(folder))}"
            yield from fetch_lines(file, str(folder))
        yield from self.engine.commands(request)
        yield str(self.store.push_command(request.layout, target_plan.reference))

    def _chart(self, step: Step) -> Iterator[str]:
        chart_plan = self.context.plan.charts[step.target]
        if step.target in self.context.lock.charts:
            yield f"# its package and images are copied by builder charts -s {step.target}"
            return
        folder = self.context.state.chart(chart_plan.name)
        write_tree(folder, chart_plan.files)
        out = self.context.state.chart_packages
        yield str(self.helm.lint_command(folder))
        yield f"{self.helm.template_command(folder, release=chart_plan.name)} > /dev/null"
        yield f"mkdir -p {shlex.quote(str(out))}"
        yield str(self.helm.command("package", str(folder), "--destination", str(out)))

    def _copies(self, target_plan: TargetPlan) -> Iterator[str]:
        source = target_plan.reference
        for tag in (*target_plan.immutable[1:], *target_plan.rolling):
            yield str(self.store.copy_command(source, target_plan.repository.with_tag(tag)))

    def _release(self, _step: Step) -> Iterator[str]:
        """Yield the commands that set tags. Record and index are left to the builder."""
        release = self.context.plan.release
        variants: dict[str, list[TargetPlan]] = {}
        for target_plan in self.context.plan.targets.values():
            key = TargetId(target_plan.target.id).on_any_platform
            variants.setdefault(key, []).append(target_plan)
        for target_plans in variants.values():
            yield from (
                self._index(target_plans)
                if len(target_plans) > 1
                else self._copies(target_plans[0])
            )
        yield f"# the record of {release} and the index of the charts: builder publish"

    def _index(self, target_plans: Sequence[TargetPlan]) -> Iterable[str]:
        """Return the engine's commands that tag an index of the platforms of a variant."""
        repository, name = target_plans[0].repository, target_plans[0].target.variant.slug.lower()
        tags = (*target_plans[0].immutable[1:], *target_plans[0].rolling)
        if not tags:
            return ()
        images = [target_plan.reference for target_plan in target_plans]
        return self.engine.index_commands(name, images, [repository.with_tag(tag) for tag in tags])
