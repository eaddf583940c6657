"""Builds targets again, and says in what they differ from what the registry has of them."""

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

_UNLOCKED = "its packages are not locked: others may be the newest now"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Builds and compares. `work` and `builds` are those of a folder with nothing in it.

    `engine_of` names the engine that built an image, by its configuration.
    """

    work: RunContext
    builds: BuildActions
    store: Registry
    engine_of: Callable[[Mapping[str, Any]], str]

    def verdict(self, step: Step) -> Verdict:
        """Build the target of a step again. What the registry has of it is in the plan."""
        item = self.work.plan.targets[step.target]
        assert item.digest is not None
        request, built = self.builds.make(step, item)
        if built.digest == item.digest:
            return Verdict(target=step.target, held=item.digest, built=built.digest)
        self.work.listen(Noted(step=step.id, text="comparing"))
        held = item.repository.at(item.digest)
        before = self.store.configs(held)[item.digest]
        after = layouts.config_in(built.layout)
        found = [*compare_configs(before, after), *self._files(held, built, request.below)]
        notes = [] if item.fingerprint.is_locked else [_UNLOCKED]
        notes += [f"not locked: {download}" for download in item.fingerprint.downloads]
        first, second = self.engine_of(before), self.engine_of(after)
        if first != second:
            notes.append(f"the registry's was built by {first}, this one by {second}")
        reasons = self.work.catalog.recipes[item.target.recipe].unreproducible
        return Verdict(
            target=step.target,
            held=item.digest,
            built=built.digest,
            differences=explained(found, reasons),
            notes=tuple(notes),
        )

    def _files(
        self, held: Reference, built: Built, below: Sequence[ImageLayer]
    ) -> Iterator[Difference]:
        """The files that differ; `below` are the layers of the parent."""
        known = {layer.diff for layer in below}
        pairs = compare_layers(self.store.layers(held), layouts.layers_in(built.layout))
        for number, old, new in pairs:
            if old is None or new is None:
                yield Difference(path=_name(number, new or old), what="one has no such layer")
                continue
            if new.diff in known:
                yield Difference(path=_name(number, old), what="of a parent that was another")
                continue
            file = self.work.state.registry_blob(old.digest)
            self.store.blob(held, old.digest, file)
            found = compare_members(
                read_members(file), read_members(layouts.blob(built.layout, new.digest))
            )
            # The same files can stand in another order.
            same = Difference(path=_name(number, new), what="the same files, archived otherwise")
            yield from found or [same]


def _name(number: int, layer: ImageLayer | None) -> str:
    return f"layer {number}" + (f", {instruction(layer)}" if layer else "")
