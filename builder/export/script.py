"""The commands that do what the steps do, as lines of sh that need nothing of the builder."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.build.build_context import DOWNLOADS
from builder.build.requests import Requests
from builder.build.run_context import RunContext
from builder.charts.helm import Helm
from builder.common.files import write, write_tree
from builder.engines.interfaces import Engine
from builder.export.tree import fetch_lines
from builder.plan.models import Step, TargetPlan, base_reference
from builder.registry.store import RegistryStore
from builder.resolvers.base_images.bootstrap import BASE_DOCKERFILE
from builder.resolvers.base_images.provider import Bases


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Prints steps instead of carrying them out. Build contexts and charts are written."""

    work: RunContext
    engine: Engine
    store: RegistryStore
    bases: Bases
    requests: Requests
    helm: Helm

    def lines(self, steps: Mapping[str, Step]) -> Iterator[str]:
        """The whole script, a comment before each step."""
        yield "set -eu"
        yield from self.engine.preamble()
        for step in steps.values():
            yield f"\n# {step.id}: {step.action}, {step.reason.splitlines()[0]}"
            yield from self._step(step)

    def _step(self, step: Step) -> Iterable[str]:
        if step.action == "fetch":
            return self._base(step)
        if step.action == "build":
            return self._target(step)
        if step.action == "package":
            return self._chart(step)
        if step.action == "release":
            return self._release()
        return ()

    def _base(self, step: Step) -> Iterator[str]:
        base = self.work.expansion.bases[step.target]
        lock = self.work.lock.base(base.id)
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
        place = base_reference(base, self.work.catalog, self.work.lock)
        yield str(self.store.push_command(request.layout, place))

    def _target(self, step: Step) -> Iterator[str]:
        item = self.work.plan.targets[step.target]
        request = self.requests.build(item, self.requests.contexts(item.target))
        folder = request.context / DOWNLOADS
        for index, file in enumerate(item.files):
            if not index:
                yield f"mkdir -p {shlex.quote(str(folder))}"
            yield from fetch_lines(file, str(folder))
        yield from self.engine.commands(request)
        yield str(self.store.push_command(request.layout, item.reference))

    def _chart(self, step: Step) -> Iterator[str]:
        item = self.work.plan.charts[step.target]
        folder = self.work.state.chart(item.name)
        write_tree(folder, item.files)
        out = self.work.state.chart_packages
        yield str(self.helm.lint_command(folder))
        yield f"{self.helm.template_command(folder, release=item.name)} > /dev/null"
        yield f"mkdir -p {shlex.quote(str(out))}"
        yield str(self.helm.command("package", str(folder), "--destination", str(out)))

    def _copies(self, item: TargetPlan) -> Iterator[str]:
        source = item.reference
        for tag in (*item.immutable[1:], *item.rolling):
            yield str(self.store.copy_command(source, item.repository.with_tag(tag)))

    def _release(self) -> Iterator[str]:
        """The tags; the record and the index are the builder's own, and nothing pulls them."""
        release = self.work.plan.release
        variants: dict[str, list[TargetPlan]] = {}
        for item in self.work.plan.targets.values():
            variants.setdefault(item.target.variant.id, []).append(item)
        for items in variants.values():
            yield from self._index(items) if len(items) > 1 else self._copies(items[0])
        yield f"# the record of {release} and the index of the charts: builder publish"

    def _index(self, items: Sequence[TargetPlan]) -> Iterable[str]:
        """Yield how the engine makes the tags of a variant name an image of several platforms."""
        place, name = items[0].repository, items[0].target.variant.slug.lower()
        tags = (*items[0].immutable[1:], *items[0].rolling)
        if not tags:
            return ()
        images = [item.reference for item in items]
        return self.engine.index_commands(name, images, [place.with_tag(tag) for tag in tags])
