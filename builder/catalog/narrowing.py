"""What constraints leave of the variants of images and charts, and what of them says nothing.

A catalog that stands on another one may take values away. What lists below say of these is left
out then, and so is an image or a chart of which nothing is left. In its own files that is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from builder.catalog.constraints import chosen, matches, present, with_names
from builder.catalog.fields import Constraint
from builder.catalog.ids import ValueId
from builder.catalog.matrix_check import Faults, Locations, Names
from builder.catalog.models import Chart, Image, Matrix, Path, Variant
from builder.catalog.patch import Narrowing
from builder.common.errors import ConfigError, Location

_HINT = "remove it here, too, or keep what it needs"


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What of catalogs below is left out: entries of lists, by their paths, images and charts.

    `variants` are those that lack an input, or a platform, of images of which others are left.
    """

    entries: tuple[Path, ...] = ()
    variants: tuple[Variant, ...] = ()
    images: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()


class Narrower(Faults):
    """Narrows the variants of a matrix, and notes what is wrong and what is left out."""

    def __init__(self, matrix: Matrix, locations: Locations) -> None:
        super().__init__(locations)
        self.matrix = matrix
        self.unknown: frozenset[tuple[str, str]] = frozenset()  # (axis, value): reported already
        self._met: dict[Path, bool] = {}  # whether a variant has what a patch says there
        self._entries: dict[Path, None] = {}
        self._lone: list[Variant] = []
        self._images: dict[str, None] = {}
        self._charts: dict[str, None] = {}

    def begin(self, names: Names) -> None:
        """Take what was found in names: it is not told again."""
        self.unknown = names.unknown
        self._entries = dict.fromkeys(names.pruned)

    @property
    def pruned(self) -> Pruned:
        """What is left out."""
        return Pruned(
            entries=tuple(self._entries),
            variants=tuple(item for item in self._lone if item.image not in self._images),
            images=tuple(self._images),
            charts=tuple(self._charts),
        )

    def narrowed(self, allowed: list[dict[str, str]], image: Image) -> list[dict[str, str]]:
        """Return what the constraints of an image, and those of patches, leave of variants."""
        path: Path = ("images", image.name)
        only = self.only(image.only, allowed, (*path, "only"))
        left = [values for values in allowed if matches(only, values)]
        for index, entries in enumerate(image.exclude):
            constraint = with_names(entries, self.matrix.axes, allowed)
            is_known = self.unknown.isdisjoint(_pairs(entries))
            if is_known and not any(matches(constraint, values) for values in allowed):
                exclude_path = (*path, "exclude", index)
                self._prune(f"this exclude matches no target of image {image.name}", exclude_path)
            left = [values for values in left if not matches(constraint, values)]
        return self.patched(left, image.narrowed)

    def patched(
        self, variants: list[dict[str, str]], narrowings: Sequence[Narrowing]
    ) -> list[dict[str, str]]:
        """Return what patches leave of variants: each sees what there is before the first one."""
        there = present(self.matrix.axes, variants)
        left = variants
        for item in narrowings:
            only = with_names(item.only, self.matrix.axes, variants)
            exclude = with_names(item.exclude, self.matrix.axes, variants)
            for axis, entries in item.only.items():
                for index, entry in enumerate(entries):
                    met = chosen(entry, there.get(axis, ()))
                    self._note((*item.path, axis, index), met)
            if exclude:
                self._note(item.path, [one for one in variants if matches(exclude, one)])
                left = [values for values in left if not matches(exclude, values)]
            left = [values for values in left if matches(only, values)]
        return left

    def _note(self, path: Path, met: Collection[object]) -> None:
        """Note what of an image or a chart has what a patch says at a path."""
        self._met[path] = self._met.get(path, False) or bool(met)

    def check_patches(self) -> None:
        """Note an error for each thing that a patch says of variants and that none has."""
        for path, is_met in self._met.items():
            if not is_met and self.locations.own(path) is not None:
                message = f"patch {path[1]!r}: this matches no target of what it selects"
                self._fail_at(message, self.locations.at(path), "take it out of this list")

    def only(
        self, only: Constraint, variants: Sequence[Mapping[str, str]], path: Path
    ) -> Constraint:
        """Return an `only` with names; note an error for each entry that chooses nothing."""
        there = present(self.matrix.axes, variants)
        for axis, entries in only.items():
            for index, entry in enumerate(entries):
                if not chosen(entry, there.get(axis, ())) and (axis, entry) not in self.unknown:
                    is_name = any(entry == value.name for value in self.matrix.axes[axis])
                    shown = ValueId.of(axis, entry) if is_name else f"{axis}: {entry!r}"
                    message, hint = f"{shown} matches no target here", "take it out of this list"
                    self._prune(message, (*path, axis, index), hint)
        return with_names(only, self.matrix.axes, variants)

    def _prune(self, message: str, path: Path, hint: str = "") -> None:
        """Leave out what a list of a catalog below says at a path; note an error in an own one."""
        if self.locations.own(path) is None:
            self._entries[path] = None
        else:
            self._fail(message, path, hint)

    # What is left without a variant.

    def leave_out_image(self, image: Image, why: str = "") -> None:
        """Leave out an image without variants; note an error where the own catalog names it."""
        name = image.name
        if not why and self._is_patched_away(image, "image"):
            return
        location = self.locations.own(("images", name))
        if location is None:
            self._images[name] = None
            return
        message = why or f"the constraints of image {name} leave no target"
        self._fail_at(message, location, _HINT if why else "", error_id="")

    def leave_out_chart(self, chart: Chart) -> None:
        """Leave out a chart without variants; note an error where the own catalog names it."""
        name = chart.name
        is_known = chart.image not in self._images
        if is_known and self._is_patched_away(chart, "chart"):
            return
        location = self.locations.own(("charts", name))
        if location is None:
            self._charts[name] = None
        elif is_known:
            message = f"chart {name} selects no target of image {chart.image}"
            self._fail_at(message, location, "", error_id="")
        else:
            message = f"chart {name} offers {chart.image}, of which no target is left"
            self._fail_at(message, location, _HINT, error_id="")

    def has_left_out(self, image: str) -> bool:
        """Whether nothing is left of an image."""
        return image in self._images

    def with_inputs(
        self, image: Image, own: Sequence[Variant], variants: Mapping[str, tuple[Variant, ...]]
    ) -> tuple[Variant, ...]:
        """Return the variants of an image of a catalog below for which there is each input."""
        if self.locations.own(("images", image.name)) is not None:
            return tuple(own)
        needed = [variants[item.image] for item in image.inputs if not item.optional]
        return self.without_lone(
            own,
            [one for one in own if not all(any(agree(one, it) for it in its) for its in needed)],
        )

    def without_lone(self, own: Sequence[Variant], lone: Sequence[Variant]) -> tuple[Variant, ...]:
        """Return variants of an image without those that lack something."""
        self._lone += lone
        return tuple(item for item in own if item not in lone)

    def _is_patched_away(self, item: Image | Chart, noun: str) -> bool:
        """Whether a patch that names it leaves nothing of an image or a chart; note an error."""
        for narrowing in reversed(item.narrowed):
            selectors = self.matrix.patches[narrowing.patch].selectors
            location = self.locations.own(narrowing.path)
            is_own = self.locations.own((f"{noun}s", item.name)) is not None
            if location is not None and (item.name in selectors or is_own):
                message = f"patch {narrowing.patch!r} leaves no target of {noun} {item.name}"
                self._fail_at(message, location, f"`except: {item.name}`, or remove the {noun}")
                return True
        return False

    def _fail_at(
        self, message: str, location: Location, hint: str, error_id: str = "E-PATCH-VALUE"
    ) -> None:
        self.errors.append(ConfigError(message, hint=hint, location=location, id=error_id))


def agree(variant: Variant, other: Variant) -> bool:
    """Whether a variant has the values of another one on each axis that it has."""
    return all(variant.values.get(axis, value) == value for axis, value in other.values.items())


def _pairs(constraint: Constraint) -> set[tuple[str, str]]:
    """Return the axis values that a constraint names."""
    return {(axis, name) for axis, names in constraint.items() for name in names}
