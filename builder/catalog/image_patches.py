"""Applies patches of images: to their lines of the matrix. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from builder.catalog.matrix_check import top_problem
from builder.catalog.models import Path
from builder.catalog.patch import Narrowing, Patch
from builder.catalog.patching import Patching, every, none
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
    for index, top in enumerate(patch.more_top):
        _put_on_top(patching, patch, names, top, ("top+", index))
    for index, top in enumerate(patch.fewer_top):
        _take_from_top(patching, patch, names, top, ("top-", index))
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


def _put_on_top(
    patching: Patching, patch: Patch, names: Sequence[str], top: str, path: Path
) -> None:
    """Put a recipe on top of the images that have it not. Mirrored ones are left alone."""
    lacking = [name for name in names if top not in patching.images[name].top]
    if names and not lacking:
        patching.fail(
            "E-PATCH-VALUE", patch, path, f": {every(patch, names)} has top {top!r} already"
        )
    mirrored = [name for name in lacking if patching.images[name].is_mirrored]
    built = [name for name in lacking if name not in mirrored]
    if mirrored and built:
        is_one = len(mirrored) == 1
        what = "is mirrored as it is, and gets" if is_one else "are mirrored as they are, and get"
        patching.notes.append(f"patch {patch.name!r}: {listed(mirrored)} {what} no top {top!r}")
    for name in built or mirrored:
        if problem := _no_top(patching, name, top):
            error_id, message, hint = problem
            patching.fail(error_id, patch, path, f": {message}", hint)
            return
        image = patching.images[name]
        patching.images[name] = replace(image, top=(*image.top, top))


def _no_top(patching: Patching, name: str, top: str) -> tuple[str, str, str] | None:
    """Return the id, the message and the hint of why an image cannot get a top recipe."""
    image, recipe = patching.images[name], patching.recipes.get(top)
    if found := top_problem(image, top, is_offered=_is_offered(patching, name)):
        return found
    axes = patching.objects.matrix.axes_of(name)
    for axis in recipe.needs if recipe else ():
        if axis not in axes:
            message = f"recipe {top} needs {axis}, and image {name} has no axis {axis}"
            return "E-PATCH-VALUE", message, f"select images that have it: `has:{axis}`"
    return None


def _is_offered(patching: Patching, name: str) -> bool:
    expansion = patching.objects.expansion
    variants = expansion.variants.get(name, ())
    return any(
        expansion.targets[key].publish
        for variant in variants
        for key in expansion.members.get(variant.id, {}).values()
    )


def _take_from_top(
    patching: Patching, patch: Patch, names: Sequence[str], top: str, path: Path
) -> None:
    """Take a recipe from the top of the images that have it."""
    having = [name for name in names if top in patching.images[name].top]
    if names and not having:
        known = dict.fromkeys(item for name in names for item in patching.images[name].top)
        message = f": {none(patch, names)} top {top!r}"
        patching.fail("E-PATCH-VALUE", patch, path, message, did_you_mean(top, known))
    for name in having:
        image = patching.images[name]
        patching.images[name] = replace(image, top=tuple(it for it in image.top if it != top))
