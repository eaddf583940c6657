"""Builds targets again, and compares them with their images in the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.build.events import Noted
from builder.build.image_diff import (
    Difference,
    Verdict,
    compare_configs,
    compare_layers,
    compare_members,
    explained,
)
from builder.build.image_steps import BuildActions
from builder.build.run_context import RunContext
from builder.build.size_check import instruction
from builder.engines.interfaces import Built
from builder.oci import layout as layouts
from builder.oci.image import ImageLayer
from builder.oci.layer_contents import read_members
from builder.oci.reference import Reference
from builder.plan.models import Step
from builder.registry.interfaces import Registry

_UNLOCKED = "its packages are not locked: newer versions may have appeared"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Verifies targets. `context` and `build_actions` use an empty state folder.

    `engine_of` returns the name of the engine that built an image, given its configuration.
    """

    context: RunContext
    build_actions: BuildActions
    store: Registry
    engine_of: Callable[[Mapping[str, Any]], str]

    def verdict(self, step: Step) -> Verdict:
        """Build the target of a step again and compare it with the digest in its plan."""
        target_plan = self.context.plan.targets[step.target]
        assert target_plan.digest is not None
        request, built = self.build_actions.make(step, target_plan)
        if built.digest == target_plan.digest:
            return Verdict(
                target=step.target, registry_digest=target_plan.digest, built_digest=built.digest
            )
        self.context.listen(Noted(step=step.id, text="comparing"))
        registry_image = target_plan.repository.at(target_plan.digest)
        registry_config = self.store.configs(registry_image)[target_plan.digest]
        built_config = layouts.config_in(built.layout)
        differences = [
            *compare_configs(registry_config, built_config),
            *self._files(registry_image, built, request.below),
        ]
        notes = [] if target_plan.fingerprint.is_locked else [_UNLOCKED]
        notes += [f"not locked: {download}" for download in target_plan.fingerprint.downloads]
        registry_engine, built_engine = (
            self.engine_of(registry_config),
            self.engine_of(built_config),
        )
        if registry_engine != built_engine:
            notes.append(
                f"the registry image was built by {registry_engine}, this one by {built_engine}"
            )
        reasons = self.context.catalog.recipes[target_plan.target.recipe].unreproducible
        return Verdict(
            target=step.target,
            registry_digest=target_plan.digest,
            built_digest=built.digest,
            differences=explained(differences, reasons),
            notes=tuple(notes),
        )

    def _files(
        self, registry_image: Reference, built: Built, parent_layers: Sequence[ImageLayer]
    ) -> Iterator[Difference]:
        """Yield the differences between files; `parent_layers` are not compared."""
        parent_diffs = {layer.diff for layer in parent_layers}
        pairs = compare_layers(self.store.layers(registry_image), layouts.layers_in(built.layout))
        for number, old, new in pairs:
            if old is None or new is None:
                yield Difference(
                    path=_name(number, new or old), change="only one of the images has this layer"
                )
                continue
            if new.diff in parent_diffs:
                yield Difference(path=_name(number, old), change="comes from another parent image")
                continue
            file = self.context.state.registry_blob(old.digest)
            self.store.blob(registry_image, old, file)
            differences = compare_members(
                read_members(file), read_members(layouts.blob(built.layout, new.digest))
            )
            # A layer can have the same files in another order.
            reordered = Difference(
                path=_name(number, new), change="the same files in another order"
            )
            yield from differences or [reordered]


def _name(number: int, layer: ImageLayer | None) -> str:
    return f"layer {number}" + (f", {instruction(layer)}" if layer else "")
