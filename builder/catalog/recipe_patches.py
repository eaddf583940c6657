"""Applies patches of recipes: to what their recipe.yaml says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from builder.catalog.conditions import unknown_values
from builder.catalog.models import Path, When
from builder.catalog.parser import CheckName, check_condition, check_packages
from builder.catalog.patch import Packages, Patch, WhenChange
from builder.catalog.patching import Patching, every, none
from builder.common.text import did_you_mean

_SET = ("budget", "memory", "ports", "command", "needs")
_BY_KEY = ("unreproducible", "env")


def change_recipes(
    patching: Patching, patch: Patch, names: Sequence[str], check: CheckName | None
) -> None:
    """Change the recipes that a patch selects. `check` is told each ecosystem that it names."""
    if not _is_right(patching, patch, check):
        return
    images = patching.objects.matrix.images.values()
    mirrored = {image.recipe for image in images if image.is_mirrored}
    built = [name for name in names if name not in mirrored]
    builds = (patch.more_packages, patch.fewer_packages, patch.when, patch.env)
    if names and not built and any(builds):
        message = " changes what is built into images that are mirrored as they are"
        patching.fail("E-PATCH-VALUE", patch, ("recipes",), message)
        return
    _change_packages(patching, patch, built)
    for condition, change in patch.when.items():
        _change_when(patching, patch, built, condition, change)
    for key in _SET:
        value = getattr(patch, key)
        if value is not None and (key != "needs" or _has_axes(patching, patch, names)):
            for name in names:
                patching.say(patch, "recipes", name, {key: value}, (key,))
                _set(patching, name, **{key: value})
    for key in _BY_KEY:
        for item, text in getattr(patch, key).items():
            _change_item(patching, patch, built, key, item, text)


def _is_right(patching: Patching, patch: Patch, check: CheckName | None) -> bool:
    """Whether the packages and conditions of a patch are ones; else note what they are."""
    document, before = patching.objects.document, patching.failed
    above: Path = ("patches", patch.name)
    blocks: dict[Path, Packages] = {
        (*above, "packages+"): patch.more_packages,
        (*above, "packages-"): patch.fewer_packages,
    }
    for condition, change in patch.when.items():
        path: Path = (*above, "when", condition)
        axes = patching.objects.matrix.axes
        patching.note(patch, check_condition(document, path, axes))
        if change is not None and (location := document.own(path)):
            unknown = unknown_values(condition, location, axes, document)
            patching.note(patch, list(unknown))
        if change is not None:
            blocks[(*path, "packages")] = change.packages or {}
            blocks[(*path, "packages+")] = change.more_packages
            blocks[(*path, "packages-")] = change.fewer_packages
    for path, packages in blocks.items():
        patching.note(patch, check_packages(document, packages, path, check))
    return patching.failed == before


def _set(patching: Patching, name: str, **fields: Any) -> None:
    patching.recipes[name] = replace(patching.recipes[name], **fields)


def _change_packages(patching: Patching, patch: Patch, names: Sequence[str]) -> None:
    for key, blocks in (("packages+", patch.more_packages), ("packages-", patch.fewer_packages)):
        for ecosystem, packages in blocks.items():
            for index, package in enumerate(packages):
                having = [
                    name
                    for name in names
                    if package in patching.recipes[name].packages.get(ecosystem, ())
                ]
                path: Path = (key, ecosystem, index)
                if key == "packages+" and names and having == list(names):
                    message = f": {every(patch, names)} has {package!r} of {ecosystem} already"
                    patching.fail("E-PATCH-PACKAGE", patch, path, message)
                elif key == "packages-" and names and not having:
                    known = {
                        one
                        for name in names
                        for one in patching.recipes[name].packages.get(ecosystem, ())
                    }
                    hint = did_you_mean(package, sorted(known)) if known else ""
                    message = f": {none(patch, names)} {package!r} of {ecosystem}"
                    patching.fail("E-PATCH-PACKAGE", patch, path, message, hint)
    for name in names:
        packages_by_ecosystem = _changed(
            patching.recipes[name].packages, patch.more_packages, patch.fewer_packages
        )
        _set(patching, name, packages=packages_by_ecosystem)


def _changed(below: Packages, more: Packages, fewer: Packages) -> dict[str, tuple[str, ...]]:
    """Return packages with more of them, each once, and without others."""
    changed = {
        ecosystem: tuple(
            dict.fromkeys(
                item
                for item in (*below.get(ecosystem, ()), *more.get(ecosystem, ()))
                if item not in fewer.get(ecosystem, ())
            )
        )
        for ecosystem in (*below, *(key for key in more if key not in below))
    }
    return {key: items for key, items in changed.items() if items or key not in fewer}


def _change_when(
    patching: Patching,
    patch: Patch,
    names: Sequence[str],
    condition: str,
    change: WhenChange | None,
) -> None:
    """Merge, add or remove what recipes say by a condition."""
    having = [
        name
        for name in names
        if any(extra.condition == condition for extra in patching.recipes[name].when)
    ]
    if change is None and names and not having:
        known = {extra.condition for name in names for extra in patching.recipes[name].when}
        message = f": {none(patch, names)} the condition {condition!r}"
        hint = did_you_mean(condition, sorted(known)) if known else ""
        patching.fail("E-PATCH-VALUE", patch, ("when", condition), message, hint)
    for name in names:
        recipe = patching.recipes[name]
        others = [extra for extra in recipe.when if extra.condition != condition]
        if change is None:
            _set(patching, name, when=tuple(others))
            continue
        said: dict[str, Any] = {"budget": change.budget} if change.budget is not None else {}
        said |= {f"packages.{key}": value for key, value in (change.packages or {}).items()}
        said = {f"when.{condition}.{key}": value for key, value in said.items()}
        patching.say(patch, "recipes", name, said, ("when", condition))
        whole = {extra.condition: extra for extra in recipe.when}
        whole[condition] = _merged(whole.get(condition, When(condition=condition)), change)
        _set(patching, name, when=tuple(whole.values()))


def _merged(extra: When, change: WhenChange) -> When:
    below = {**extra.packages, **(change.packages or {})}
    return replace(
        extra,
        packages=_changed(below, change.more_packages, change.fewer_packages),
        budget=extra.budget if change.budget is None else change.budget,
    )


def _has_axes(patching: Patching, patch: Patch, names: Sequence[str]) -> bool:
    """Whether the images of recipes have the axes that a patch says they need; else note that."""
    matrix, before = patching.objects.matrix, patching.failed
    for index, axis in enumerate(patch.needs or ()):
        path: Path = ("needs", index)
        if axis not in matrix.axes:
            hint = did_you_mean(axis, matrix.axes)
            patching.fail("E-NAME-UNKNOWN", patch, path, f": unknown axis {axis!r}", hint)
            continue
        for image in matrix.images.values():
            if image.recipe in names and axis not in matrix.axes_of(image.name):
                message = f": recipe {image.recipe} is that of image {image.name}, without {axis}"
                hint = f"select only recipes of images that have {axis}"
                patching.fail("E-PATCH-VALUE", patch, path, message, hint)
    return patching.failed == before


def _change_item(
    patching: Patching, patch: Patch, names: Sequence[str], key: str, item: str, text: str | None
) -> None:
    """Set or remove one key of a mapping of recipes."""
    if text is None and names and not any(item in _items(patching, name, key) for name in names):
        message = f": {none(patch, names)} {key}.{item}"
        patching.fail("E-PATCH-VALUE", patch, (key, item), message)
    for name in names:
        items = _items(patching, name, key)
        patching.say(patch, "recipes", name, {f"{key}.{item}": text}, (key, item))
        kept = {one: value for one, value in items.items() if one != item}
        changed = kept if text is None else {**items, item: text}
        _set(patching, name, **{key: changed})


def _items(patching: Patching, name: str, key: str) -> Mapping[str, str]:
    items: Mapping[str, str] = getattr(patching.recipes[name], key)
    return items
