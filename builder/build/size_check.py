"""What a built image adds to its parent, and whether that is within bounds.

An image is rejected where its recipe adds more than it said it would, or where a layer holds
files again for a change of their owner or mode alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builder.catalog.packages import Inventory
from builder.common.errors import SizeError
from builder.engines.interfaces import Built
from builder.oci import layout as layouts
from builder.oci.image import ImageLayer
from builder.oci.layer_contents import Index, Reowned
from builder.plan.models import TargetPlan
from builder.registry.release_record import ImageShare
from builder.testing import inventory

_SHARE, _MOST = 0.10, 100_000_000
_SHOWN = 10
_WIDTH = 120


@dataclass(frozen=True, kw_only=True)
class ImageSize:
    """What an image is made of. `chain` says what each image that it stands on adds, and itself.

    `own` are the layers that its parent lacks; `added` is their compressed size in bytes.
    """

    layers: tuple[ImageLayer, ...]
    own: tuple[ImageLayer, ...]
    chain: tuple[ImageShare, ...]

    @property
    def added(self) -> int:
        """The compressed bytes that it adds to its parent."""
        return sum(layer.size for layer in self.own)


def measure_size(
    item: TargetPlan, built: Built, below: Sequence[ImageLayer], chain: Sequence[ImageShare]
) -> ImageSize:
    """Compare an image with the layers of its parent, whose lineage has the shares `chain`."""
    layers = layouts.layers_in(built.layout)
    known = {layer.diff for layer in below}
    own = tuple(layer for layer in layers if layer.diff not in known)
    # An older builder wrote no shares of the parent: then the parent is one share.
    parents = chain or [_share(item.target.parent, "", below)]
    mine = _share(item.target.id, item.target.recipe, own)
    return ImageSize(layers=layers, own=own, chain=(*parents, mine))


def _share(target: str, recipe: str, layers: Sequence[ImageLayer]) -> ImageShare:
    size = sum(layer.size for layer in layers)
    return ImageShare(target=target, recipe=recipe, layers=len(layers), size=size)


def check_layers(target: str, weight: ImageSize, index: Index) -> None:
    """Raise SizeError where a layer owns files of a lower one again."""
    found = index.reowned(weight.layers, {layer.diff for layer in weight.own})
    if not found:
        return
    lines: list[str] = []
    for layer, files in found.items():
        count, size = len(files), sum(file.after.size for file in files) / 1e6
        lines.append(f"    {instruction(layer)}: {count} of them, {size:.1f} MB")
        lines += [f"        {_changed(file)}" for file in files[:_SHOWN]]
        if count > _SHOWN:
            lines.append(f"        and {count - _SHOWN} more")
    text = "\n".join(lines)
    raise SizeError(
        f"{target}: files of a lower layer are there again, with another owner or mode\n{text}",
        hint="give files their owner and mode in the layer that writes them",
    )


def instruction(layer: ImageLayer) -> str:
    """What made a layer, short."""
    text = " ".join(layer.instruction.replace("#(nop)", "").split())
    text = text.removeprefix("/bin/sh -c ") or layer.digest
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _changed(file: Reowned) -> str:
    return f"/{file.path}: {file.before.owned} → {file.after.owned}"


def is_over(weight: ImageSize, budget: int) -> bool:
    """Whether a recipe adds more than it may: 10% or 100 MB over its budget. 0 is no budget."""
    return budget > 0 and weight.added > budget + min(round(budget * _SHARE), _MOST)


def too_large(
    item: TargetPlan, weight: ImageSize, packages: Inventory, before: Inventory | None
) -> SizeError:
    """What to say where it is over, and why it is.

    `packages` are those that the parent lacks; `before` those of the image that is released.
    """
    target = item.target
    if before is not None and item.before is not None:
        lines = [str(growth) for growth in inventory.grown(before, packages)[:_SHOWN]]
        head = f"grown since {item.before.since}, unpacked:" if lines else "no package has grown"
    else:
        head = "the largest packages, unpacked:"
        lines = [
            f"{name} {package.version}: {package.size / 1e6:.1f} MB"
            for name, package in inventory.largest(packages, _SHOWN)
        ]
    text = "\n".join([f"    {head}", *(f"        {line}" for line in lines)])
    return SizeError(
        f"{target.id}: recipe {target.recipe} adds {weight.added / 1e6:.1f} MB to its parent,"
        f" and its budget is {item.budget / 1e6:.0f} MB\n{text}",
        hint=f"take packages out, or raise `budget` in images/{target.recipe}/recipe.yaml",
    )
