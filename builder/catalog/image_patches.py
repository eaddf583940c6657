"""Applies patches of images: to their lines of the matrix. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from builder.catalog.models import Path
from builder.catalog.patch import Narrowing, Patch
from builder.catalog.patching import Patching, every
from builder.common.text import did_you_mean, listed

_SET = ("publish", "pin", "platforms", "lock")


def change_images(patching: Patching, patch: Patch, names: Sequence[str]) -> None:
    """Change the images that a patch selects."""
    by_name = {name: name for name in names}
    for name, narrowings in patching.narrowings(patch, patch.only, by_name).items():
        _narrow(patching, name, *narrowings)
    for index, exclude in enumerate(patch.more_exclude):
        path: Path = ("exclude+", index)
        whole: Path = ("patches", patch.name, *path)
        for name in patching.fitting(patch, path, exclude, by_name):
            _narrow(patching, name, Narrowing(patch=patch.name, path=whole, exclude=exclude))
    for key in _SET:
        value = getattr(patch, key)
        if value is None or (key == "publish" and not _may_hide(patching, patch, names)):
            continue
        for name in names:
            patching.say(patch, "images", name, {key: value}, (key,))
            patching.images[name] = replace(patching.images[name], **{key: value})
    for index, axis in enumerate(patch.more_untagged):
        _leave_out_of_tags(patching, patch, names, axis, ("untagged+", index))


def _narrow(patching: Patching, name: str, *narrowings: Narrowing) -> None:
    image = patching.images[name]
    patching.images[name] = replace(image, narrowed=(*image.narrowed, *narrowings))


def _may_hide(patching: Patching, patch: Patch, names: Sequence[str]) -> bool:
    """Whether no chart names what a patch does not publish; else note that."""
    if patch.publish:
        return True
    charts = [chart for chart in patching.charts.values() if chart.image in names]
    if charts:
        images = listed(list(dict.fromkeys(chart.image for chart in charts)))
        hint = f"{listed([chart.name for chart in charts])} would name what is not there"
        message = f": charts offer {images}, which must be published"
        patching.fail("E-PATCH-VALUE", patch, ("publish",), message, hint)
    return not charts


def _leave_out_of_tags(
    patching: Patching, patch: Patch, names: Sequence[str], axis: str, path: Path
) -> None:
    axes = patching.objects.matrix.axes
    if axis not in axes:
        hint = did_you_mean(axis, axes)
        patching.fail("E-NAME-UNKNOWN", patch, path, f": unknown axis {axis!r}", hint)
        return
    lacking = [name for name in names if axis not in patching.images[name].untagged]
    if names and not lacking:
        message = f": {every(patch, names)} has {axis} in `untagged` already"
        patching.fail("E-PATCH-VALUE", patch, path, message)
    for name in lacking:
        image = patching.images[name]
        patching.images[name] = replace(image, untagged=(*image.untagged, axis))
