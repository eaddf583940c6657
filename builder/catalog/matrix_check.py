"""Finds what is wrong in a matrix before it is expanded: names, shapes, cycles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from builder.catalog import constraints
from builder.catalog.fields import Constraint
from builder.catalog.models import AxisValue, Image, Matrix, Path
from builder.common import graph
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.text import count, did_you_mean, listed


class Locations(Protocol):
    """The locations of the parts of the matrix."""

    def at(self, path: Path) -> Location:
        """Return the location of the value at `path`."""

    def at_key(self, path: Path) -> Location:
        """Return the location of the key of `path`."""

    def removed(self, path: Path) -> Location | None:
        """Return where a catalog removed what a catalog below has at `path`, if one did."""

    def called(self, section: str, name: str) -> str:
        """Return a hint where an image or a chart of this name is called otherwise here."""

    def own(self, path: Path) -> Location | None:
        """Return where the own catalog says something of what is at `path`, if it does."""


@dataclass(frozen=True)
class _Removed:
    """Something that a catalog removed, where, and what names it all the same, with its place."""

    thing: str
    location: Location
    users: dict[str, Location]


class Faults:
    """A list of mistakes, each with its location."""

    def __init__(self, locations: Locations) -> None:
        self.locations = locations
        self.errors: list[BuilderError] = []

    def _fail(self, message: str, path: Path, hint: str = "") -> None:
        self.errors.append(ConfigError(message, hint=hint, location=self.locations.at(path)))

    def _fail_key(self, message: str, path: Path, hint: str = "", error_id: str = "") -> None:
        location = self.locations.at_key(path)
        self.errors.append(ConfigError(message, hint=hint, location=location, id=error_id))


@dataclass(frozen=True, kw_only=True)
class Names:
    """The mistakes in the names of a matrix.

    `unknown` are the (axis, value) that constraints name and the matrix lacks. Where nothing else
    is wrong, the matrix can be expanded, and all mistakes are reported together. `pruned` are such
    entries of lists of catalogs below: they count as left out.
    """

    errors: Sequence[BuilderError]
    unknown: frozenset[tuple[str, str]]
    pruned: Sequence[Path]
    is_expandable: bool


def constraint_paths(value: AxisValue) -> Iterator[tuple[Constraint, Path]]:
    """Yield each constraint of a value and of its providers, with its path in the matrix."""
    path: Path = ("axes", value.axis, value.name)
    yield value.requires, (*path, "requires")
    yield value.only, (*path, "only")
    for index, one in enumerate(value.providers):
        yield one.requires, (*path, "providers", index, "requires")
        yield one.only, (*path, "providers", index, "only")


def top_problem(image: Image, top: str, *, is_offered: bool) -> tuple[str, str, str] | None:
    """Return the id, the message and the hint of why an image gets no top recipe, if so."""
    if image.is_mirrored:
        message = f"image {image.name!r} is mirrored as it is, and gets no top {top!r}"
        return "E-TOP-MIRRORED", message, "leave this image out"
    if not is_offered:
        message = f"image {image.name!r} is not offered, so nothing gets its top {top!r}"
        hint = "a patch of `recipes` reaches what stands on it; `charted` selects what charts offer"
        return "E-TOP-UNUSED", message, hint
    return None


def check_names(matrix: Matrix, edges: Mapping[str, list[str]], locations: Locations) -> Names:
    """Find the names that are not declared; `edges` maps an image to those it is built from."""
    checker = _Checker(matrix, locations)
    checker.check(edges)
    return Names(
        errors=tuple(checker.errors),
        unknown=frozenset(checker.unknown),
        pruned=tuple(checker.pruned),
        is_expandable=len(checker.errors) == checker.value_errors,
    )


class _Checker(Faults):
    def __init__(self, matrix: Matrix, locations: Locations) -> None:
        super().__init__(locations)
        self._matrix = matrix
        self.unknown: list[tuple[str, str]] = []  # (axis, value)
        self.value_errors = 0  # about such values
        self.pruned: list[Path] = []  # entries of lists of catalogs below, that name nothing here
        self._removed: dict[Path, _Removed] = {}

    def check(self, edges: Mapping[str, list[str]]) -> None:
        matrix = self._matrix
        for name, image in matrix.images.items():
            self._check_image(name, image)
        for axis, values in matrix.axes.items():
            for value in values:
                for constraint, path in constraint_paths(value):
                    self._check_constraint(constraint, path)
                self._check_providers(value, ("axes", axis, value.name))
        for name, chart in matrix.charts.items():
            if chart.image not in matrix.images:
                self._unknown("image", chart.image, ("charts", name, "image"), matrix.images)
            self._check_constraint(chart.only, ("charts", name, "only"))
        self._tell_removed()
        cycle = graph.find_cycle(edges)
        if cycle:
            self._fail(f"images form a cycle: {' → '.join(cycle)}", ("images", cycle[0], "from"))

    def _check_providers(self, value: AxisValue, path: Path) -> None:
        """Note an error for each key that `providers` takes the place of."""
        for key in ("provider", "requires", "only"):
            if value.providers and getattr(value, key):
                message = f"{value.id} has `{key}` beside `providers`"
                hint = f"write `{key}` into the entries of `providers`"
                self._fail_key(message, (*path, key), hint)

    def _check_image(self, name: str, image: Image) -> None:
        matrix, path = self._matrix, ("images", name)
        self._check_origin(image)
        for index, axis in enumerate(image.axes):
            if axis not in matrix.axes:
                self._unknown("axis", axis, (*path, "axes", index), matrix.axes)
        for index, item in enumerate(image.inputs):
            if item.image not in matrix.images:
                self._unknown("input", item.image, (*path, "inputs", index), matrix.images)
        for index, axis in enumerate(image.untagged):
            if axis not in matrix.axes:
                self._unknown("axis", axis, (*path, "untagged", index), matrix.axes)
        self._check_top(image)
        self._check_constraint(image.only, (*path, "only"))
        for index, constraint in enumerate(image.exclude):
            self._check_constraint(constraint, (*path, "exclude", index))
        is_axis = image.parent in matrix.axes and image.parent not in matrix.images
        if image.is_mirrored or is_axis:
            self._check_root(image)

    def _check_origin(self, image: Image) -> None:
        matrix, path = self._matrix, ("images", image.name)
        if (image.origin is None) == (image.upstream is None):
            has = "neither `from` nor" if image.origin is None else "both `from` and"
            message = f"image {image.name} has {has} `upstream`"
            hint = "`from: IMAGE` builds on a parent, `upstream: AXIS` mirrors an upstream's image"
            self._fail_key(message, path, hint)
        elif image.is_mirrored:
            self._check_mirrored(image)
        elif image.parent not in matrix.images and image.parent not in matrix.axes:
            known = [*matrix.images, *matrix.axes]
            self._unknown("parent", image.parent, (*path, "from"), known)
        for used in (image.parent, *(item.image for item in image.inputs)):
            if used in matrix.images and matrix.images[used].is_mirrored:
                message = f"image {used} is mirrored as it is, and nothing is built with it"
                self._fail_key(message, path)

    def _check_top(self, image: Image) -> None:
        path: Path = ("images", image.name, "top")
        for index, recipe in enumerate(image.top):
            if recipe in image.top[:index]:
                self._fail(f"image {image.name} has top {recipe!r} twice", (*path, index))
        if image.top and (found := top_problem(image, image.top[0], is_offered=image.publish)):
            error_id, message, hint = found
            self._fail_key(message, path, hint, error_id)

    def _check_mirrored(self, image: Image) -> None:
        path: Path = ("images", image.name)
        if image.root_axis not in self._matrix.axes:
            hint = did_you_mean(image.root_axis, self._matrix.axes)
            self._fail(f"unknown axis {image.root_axis!r}", (*path, "upstream"), hint)
        elif set(image.axes) != {image.root_axis}:
            message = f"image {image.name} is mirrored, so its axes are [{image.root_axis}]"
            self._fail_key(message, path, "nothing is built into it")
        for key, given in (("inputs", image.inputs), ("pin", image.pin)):
            if given:
                message = f"image {image.name} is mirrored as it is, and has no {key}"
                self._fail_key(message, (*path, key))

    def _unknown(self, kind: str, name: str, path: Path, known: Iterable[str]) -> None:
        """Note that there is no image or axis of a name, or that it was removed."""
        thing, section = ("axis", "axes") if kind == "axis" else ("image", "images")
        if not self._is_removed(f"{thing} {name!r}", (section, name), path):
            hint = self.locations.called(section, name) or did_you_mean(name, known)
            self._fail(f"unknown {kind} {name!r}", path, hint)

    def _is_removed(self, thing: str, named: Path, path: Path) -> bool:
        """Whether a catalog removed what `path` names; if so, keep that for one error about all."""
        removed = self.locations.removed(named)
        if removed is not None:
            user = ".".join(map(str, path[:2] if path[0] != "axes" else path[:3]))
            users = self._removed.setdefault(named, _Removed(thing, removed, {})).users
            users.setdefault(user, self.locations.at(path))
        return removed is not None

    def _tell_removed(self) -> None:
        """Note an error for each thing that is removed, and named by others."""
        for named, removed in self._removed.items():
            self.value_errors += named[0] == "axes" and len(named) > 2
            needs = "need" if len(removed.users) > 1 else "needs"
            things = count(len(removed.users), "thing")
            places = listed([f"{user} ({where})" for user, where in removed.users.items()])
            self.errors.append(
                ConfigError(
                    f"{removed.thing} is removed, and {things} {needs} it",
                    hint=f"keep it, or change or remove, too: {places}",
                    location=removed.location,
                    id="E-REMOVED-IN-USE",
                )
            )

    def _check_root(self, image: Image) -> None:
        path: Path = ("images", image.name)
        if image.root_axis not in image.axes and not image.is_mirrored:
            self._fail_key(
                f"image {image.name} comes from axis {image.root_axis} and does not have it",
                path,
                f"add {image.root_axis} to its axes",
            )
        for value in self._matrix.axes.get(image.root_axis, ()):
            value_path: Path = ("axes", value.axis, value.name)
            if not value.sources:
                self._fail_key(
                    f"axis value {value.id} has no sources, and image {image.name} comes from it",
                    value_path,
                )
            elif any((source.kind == "image") != image.is_mirrored for source in value.sources):
                kinds = "`image`" if image.is_mirrored else "`registry` or `bootstrap`"
                self._fail(
                    f"axis value {value.id} has other sources than {kinds}, and image {image.name}"
                    f" is {'mirrored' if image.is_mirrored else 'built'}",
                    (*value_path, "sources"),
                    "`upstream: AXIS` mirrors `image` sources, `from: AXIS` builds on the others",
                )

    def _check_constraint(self, constraint: Constraint, path: Path) -> None:
        for axis, names in constraint.items():
            if axis not in self._matrix.axes:
                if not self._is_removed(f"axis {axis!r}", ("axes", axis), (*path, axis)):
                    hint = did_you_mean(axis, self._matrix.axes)
                    self._fail_key(f"unknown axis {axis!r}", (*path, axis), hint)
                continue
            for index, name in enumerate(names):
                at: Path = (*path, axis, index)
                found = constraints.problem(name, names, axis, self._matrix.axes[axis])
                if found is None:
                    continue
                if self.locations.own(at) is None:
                    self.pruned.append(at)
                    continue
                self.unknown.append((axis, name))
                thing, value_path = f"value {name!r} of axis {axis}", ("axes", axis, name)
                if not self._is_removed(thing, value_path, at):
                    self._fail(found.message, at, found.hint)
                    self.value_errors += 1
