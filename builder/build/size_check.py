"""Checks the size of a built image.

An image is rejected if its recipe adds more than its budget, or if a layer duplicates files of
another layer because of a changed owner or mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builder.catalog.packages import PackageList
from builder.common.errors import SizeError
from builder.engines.interfaces import Built
from builder.oci import layout as layouts
from builder.oci.image import ImageLayer
from builder.oci.layer_contents import Index, Reowned
from builder.plan.models import TargetPlan
from builder.registry.release_record import ImageShare
from builder.testing import package_list

_SHARE, _MOST = 0.10, 100_000_000
_SHOWN = 10
_WIDTH = 120


@dataclass(frozen=True, kw_only=True)
class ImageSize:
    """The layers of an image, and the share of each image of its lineage, its own last.

    `own` are the layers that its parent does not have.
    """

    layers: tuple[ImageLayer, ...]
    own: tuple[ImageLayer, ...]
    shares: tuple[ImageShare, ...]

    @property
    def added(self) -> int:
        """The compressed bytes that the image adds to its parent."""
        return sum(layer.size for layer in self.own)


def measure_size(
    target_plan: TargetPlan,
    built: Built,
    parent_layers: Sequence[ImageLayer],
    parent_shares: Sequence[ImageShare],
) -> ImageSize:
    """Return the size of an image, given the layers and the lineage's shares of its parent."""
    layers = layouts.layers_in(built.layout)
    parent_diffs = {layer.diff for layer in parent_layers}
    own = tuple(layer for layer in layers if layer.diff not in parent_diffs)
    # An older builder stored no shares of the parent, which then is one share.
    parents = parent_shares or [_share(target_plan.target.parent, "", parent_layers)]
    own_share = _share(target_plan.target.made_id, target_plan.target.recipe, own)
    return ImageSize(layers=layers, own=own, shares=(*parents, own_share))


def _share(target: str, recipe: str, layers: Sequence[ImageLayer]) -> ImageShare:
    size = sum(layer.size for layer in layers)
    return ImageShare(target=target, recipe=recipe, layers=len(layers), size=size)


def check_layers(target: str, image_size: ImageSize, index: Index) -> None:
    """Raise SizeError if a layer duplicates files to change their owner or mode."""
    reowned = index.reowned(image_size.layers, {layer.diff for layer in image_size.own})
    if not reowned:
        return
    lines: list[str] = []
    for layer, files in reowned.items():
        count, size = len(files), sum(file.after.size for file in files) / 1e6
        lines.append(f"    {instruction(layer)}: {count} of them, {size:.1f} MB")
        lines += [f"        {_changed(file)}" for file in files[:_SHOWN]]
        if count > _SHOWN:
            lines.append(f"        and {count - _SHOWN} more")
    text = "\n".join(lines)
    raise SizeError(
        f"{target}: this layer duplicates files of a parent layer because of chown or chmod"
        f"\n{text}",
        hint="set owner and mode in the instruction that writes the files",
    )


def instruction(layer: ImageLayer) -> str:
    """Return the instruction that made a layer, shortened."""
    text = " ".join(layer.instruction.replace("#(nop)", "").split())
    text = text.removeprefix("/bin/sh -c ") or layer.digest
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _changed(file: Reowned) -> str:
    return f"/{file.path}: {file.before.owned} → {file.after.owned}"


def is_over(image_size: ImageSize, budget: int) -> bool:
    """Whether an image exceeds its budget in bytes by 10% or 100 MB, the less. 0 is no budget."""
    return budget > 0 and image_size.added > budget + min(round(budget * _SHARE), _MOST)


def too_large(
    target_plan: TargetPlan,
    image_size: ImageSize,
    packages: PackageList,
    released_packages: PackageList | None,
) -> SizeError:
    """Return the error for an image over its budget, with the packages that cause it.

    `packages` are those that the parent lacks, `released_packages` those of the released image.
    """
    target = target_plan.target
    if released_packages is not None and target_plan.before is not None:
        lines = [str(growth) for growth in package_list.grown(released_packages, packages)[:_SHOWN]]
        head = (
            f"grown since {target_plan.before.since}, unpacked:"
            if lines
            else "no package has grown"
        )
    else:
        head = "the largest packages, unpacked:"
        lines = [
            f"{name} {package.version}: {package.size / 1e6:.1f} MB"
            for name, package in package_list.largest(packages, _SHOWN)
        ]
    text = "\n".join([f"    {head}", *(f"        {line}" for line in lines)])
    return SizeError(
        f"{target.id}: recipe {target.recipe} adds {image_size.added / 1e6:.1f} MB to its parent,"
        f" but its budget is {target_plan.budget / 1e6:.0f} MB\n{text}",
        hint=f"remove packages, or raise `budget` in images/{target.recipe}/recipe.yaml",
    )
