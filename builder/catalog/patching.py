"""What patches have changed so far, and what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from builder.catalog import constraints
from builder.catalog.fields import Constraint
from builder.catalog.models import Chart, ChartFeature, Image, Path, Recipe
from builder.catalog.patch import Narrowing, Patch
from builder.catalog.selectors import Objects
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.text import count, did_you_mean, listed


class Patching:
    """The objects of a catalog, to which patches are applied one after the other."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.charts: dict[str, Chart] = dict(objects.matrix.all_charts)
        self.images: dict[str, Image] = dict(objects.matrix.images)
        self.recipes: dict[str, Recipe] = dict(objects.recipes)
        self.features: dict[str, ChartFeature] = dict(objects.features)
        self.errors: list[BuilderError] = []
        self.failed = 0  # mistakes, told or not
        self.notes: list[str] = []  # what a maintainer may not expect
        self._told: set[tuple[str, ...]] = set()
        self._said: dict[tuple[str, str, str], tuple[Patch, Any]] = {}

    def location(self, patch: Patch, path: Path) -> Location:
        """Return where a patch says something: an item of a list, or a key."""
        document, whole = self.objects.document, ("patches", patch.name, *path)
        is_item = bool(path) and isinstance(path[-1], int)
        return document.at(whole) if is_item else document.at_key(whole)

    def raw(self, patch: Patch, *path: str) -> Mapping[str, Any]:
        """Return a mapping of a patch as the file has it."""
        node = self.objects.document.data["patches"][patch.name]
        for key in path:
            node = node.get(key) or {}
        return node if isinstance(node, Mapping) else {}

    def fail(self, id: str, patch: Patch, path: Path, message: str, hint: str = "") -> None:
        """Note what is wrong with a patch."""
        location = self.location(patch, path)
        message = f"patch {patch.name!r}{message}"
        self.note(patch, [ConfigError(message, hint=hint, location=location, id=id)])

    def note(self, patch: Patch, errors: Sequence[BuilderError]) -> None:
        """Note mistakes in a patch: those in one of a catalog below are told by that catalog.

        There it selects what is removed here, or not offered.
        """
        self.failed += len(errors)
        if self.objects.document.own(("patches", patch.name)) is not None:
            self.errors += errors

    def say(self, patch: Patch, kind: str, name: str, said: Mapping[str, Any], path: Path) -> None:
        """Note what a patch sets of an object, and an error where an earlier one says otherwise.

        A patch of an upper catalog counts more, and so does one with `override`.
        """
        for attribute, value in said.items():
            key = (kind, name, attribute)
            earlier, other = self._said.get(key, (patch, value))
            told = (earlier.name, patch.name, attribute)
            is_otherwise = other != value and self._is_beside(earlier, patch)
            if is_otherwise and not patch.override and told not in self._told:
                self._told.add(told)
                where = self.location(earlier, ())
                self.errors.append(
                    ConfigError(
                        f"patches {earlier.name!r} and {patch.name!r} say otherwise of {name}:"
                        f" {attribute}",
                        hint=f"`override: true` in {patch.name}, if it is to count; the other one"
                        f" is at {where}",
                        location=self.location(patch, path),
                        id="E-PATCH-AMBIGUOUS",
                    )
                )
            self._said[key] = (patch, value)

    def _is_beside(self, one: Patch, other: Patch) -> bool:
        """Whether two patches are of the same catalog; else the upper one counts."""
        document = self.objects.document
        catalogs = [document.catalog_of(("patches", patch.name)) for patch in (one, other)]
        return catalogs[0] == catalogs[1]

    def fitting(
        self, patch: Patch, path: Path, constraint: Constraint, images: Mapping[str, str]
    ) -> list[str]:
        """Return those of some objects whose image has the axes of a constraint.

        `images` maps their names to their images. Notes an error where none has them, or where
        there is no such value.
        """
        axes, before = self.objects.matrix.axes, self.failed
        for axis, entries in constraint.items():
            if axis not in axes:
                hint = did_you_mean(axis, axes)
                self.fail("E-NAME-UNKNOWN", patch, (*path, axis), f": unknown axis {axis!r}", hint)
                continue
            for index, entry in enumerate(entries):
                if found := constraints.problem(entry, entries, axis, axes[axis]):
                    at: Path = (*path, axis, index)
                    self.fail("E-NAME-UNKNOWN", patch, at, f": {found.message}", found.hint)
        if self.failed > before:
            return []
        axes_by_name = {
            name: set(self.objects.matrix.axes_of(image)) for name, image in images.items()
        }
        fitting = [name for name, has in axes_by_name.items() if has.issuperset(constraint)]
        if images and not fitting:
            known = set[str]().union(*axes_by_name.values())
            lacking = [axis for axis in constraint if axis not in known] or list(constraint)
            hint = f"there is {listed([axis for axis in axes if axis in known])}"
            message = f": {none(patch, images)} axis {listed(lacking)}"
            self.fail("E-PATCH-VALUE", patch, (*path, lacking[0]), message, hint)
        return fitting

    def narrowings(
        self, patch: Patch, only: Constraint, images: Mapping[str, str]
    ) -> dict[str, tuple[Narrowing, ...]]:
        """Return what the `only` of a patch leaves, by the names of what it fits."""
        found: dict[str, tuple[Narrowing, ...]] = {}
        path: Path = ("patches", patch.name, "only")
        for axis, entries in only.items():
            narrowing = Narrowing(patch=patch.name, path=path, only={axis: entries})
            for name in self.fitting(patch, ("only",), {axis: entries}, images):
                found[name] = (*found.get(name, ()), narrowing)
        return found


def noun(kind: str) -> str:
    """Return what one object of a kind is called."""
    return kind.removesuffix("s")


def every(patch: Patch, names: Collection[str]) -> str:
    """Return how a message about all that a patch selects begins."""
    return f"each of its {count(len(names), noun(patch.kinds[0]))}"


def none(patch: Patch, names: Collection[str]) -> str:
    """Return how a message about something that nothing selected has begins."""
    return f"none of its {count(len(names), noun(patch.kinds[0]))} has"
