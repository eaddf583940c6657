"""Expansion: a matrix to variants, targets and bases.

The variants of an image are those of its parent, each with every combination of the image's own
values, kept where the constraints hold. A constraint that matches nothing, or leaves nothing, is
an error: it says something its author did not mean.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import NoReturn

from builder.catalog.constraints import matches
from builder.catalog.fields import Constraint
from builder.catalog.ids import BaseId, TargetId
from builder.catalog.matrix_check import Locations, check_names, constraint_paths
from builder.catalog.models import AxisValue, Base, Image, Matrix, Path, Target, Variant
from builder.catalog.narrowing import Narrower, Pruned, agree
from builder.common import graph
from builder.common.errors import ConfigError, raise_all

_MOST_COMBINATIONS = 200_000
_MOST_VARIANTS = 10_000


@dataclass(frozen=True, kw_only=True)
class Expansion:
    """The variants, targets and bases of a matrix, in the order of declaration, parents first."""

    variants: Mapping[str, tuple[Variant, ...]]  # by image
    targets: Mapping[str, Target]  # by id
    bases: Mapping[str, Base]  # by id
    charts: Mapping[str, tuple[Variant, ...]]  # by chart
    upstream_charts: tuple[str, ...] = ()  # those that are made of an upstream's
    pruned: Pruned = field(default_factory=Pruned)  # what of catalogs below is left out

    def lineage(self, target: Target) -> tuple[Target, ...]:
        """Return a target and its ancestors, the root first."""
        chain = [target]
        while not chain[-1].is_root:
            chain.append(self.targets[chain[-1].parent])
        return tuple(reversed(chain))

    def base_of(self, target: Target) -> Base:
        """Return the base of a target's root image."""
        return self.bases[self.lineage(target)[0].parent]

    @cached_property
    def members(self) -> dict[str, dict[str, str]]:
        """The ids of the targets of each variant, by the id of the variant and by platform.

        What is under top recipes has an entry of its own.
        """
        members: dict[str, dict[str, str]] = {}
        for target in self.targets.values():
            key = TargetId(target.id).on_any_platform
            members.setdefault(key, {})[target.platform] = target.id
        return members

    def charts_of(self, targets: Collection[str]) -> list[str]:
        """Return the charts that have an image of one of these targets, given by id."""
        charts = {
            name: {
                item for variant in variants for item in self.members.get(variant.id, {}).values()
            }
            for name, variants in self.charts.items()
        }
        return [name for name, members in charts.items() if not members.isdisjoint(targets)]

    @property
    def needs(self) -> dict[str, list[str]]:
        """The ids of what each base and target is built from."""
        needs: dict[str, list[str]] = {base: [] for base in self.bases}
        for target in self.targets.values():
            inputs = dict.fromkeys(item for _, item in target.inputs)
            needs[target.id] = [target.parent, *inputs]
        return needs

    @cached_property
    def required(self) -> dict[str, list[str]]:
        """The same without optional inputs: what each cannot be built without."""
        optional = {
            target.id: {item for image, item in target.inputs if image in target.optional}
            for target in self.targets.values()
        }
        return {
            key: [item for item in needed if item not in optional.get(key, ())]
            for key, needed in self.needs.items()
        }


def _has_platform(target: Target, targets: Mapping[str, Target], matrix: Matrix) -> bool:
    """Whether an image, its values, and what it is built from are there for a platform."""
    limits = [matrix.value(axis, name).platforms for axis, name in target.variant.values.items()]
    limits.append(matrix.images[target.variant.image].platforms)
    below = [item for _, item in target.inputs] + ([] if target.is_root else [target.parent])
    return all(target.platform in limit for limit in limits if limit) and all(
        item in targets for item in below
    )


def without(target: Target, missing: Mapping[str, str]) -> Target:
    """Return a target without those of its optional inputs that are missing.

    `missing` maps the id of an input to the reason.
    """
    dropped = {
        image: missing[item]
        for image, item in target.inputs
        if image in target.optional and item in missing
    }
    if not dropped:
        return target
    return replace(
        target,
        inputs=tuple(pair for pair in target.inputs if pair[0] not in dropped),
        without=(*target.without, *dropped.items()),
    )


def _without_tops(variant: Variant, platform: str, matrix: Matrix) -> str:
    """Return the id of the target that others are built from: it has no top recipe."""
    # The default platform is not named.
    target_id = TargetId.of(variant.id, "" if platform == matrix.default_platform else platform)
    return target_id.under() if matrix.images[variant.image].top else target_id


def _with_tops(target: Target, matrix: Matrix) -> Iterator[Target]:
    """Yield a target, and its top recipes, each on the one before; the last is offered."""
    image, offered = matrix.images[target.variant.image], TargetId(target.id).offered
    yield replace(target, publish=False) if image.top else target
    below = target.id
    for number, recipe in enumerate(image.top, start=1):
        is_last = number == len(image.top)
        yield replace(
            target,
            id=offered if is_last else offered.under(recipe),
            recipe=recipe, parent=below, inputs=(), optional=(), without=(), is_root=False,
            is_top=True, publish=image.publish and is_last,
        )  # fmt: skip
        below = offered.under(recipe)


def expand(matrix: Matrix, locations: Locations, other_platforms: Sequence[str] = ()) -> Expansion:
    """Return what a matrix expands to. Raises every mistake in it, with its location.

    `other_platforms` are those that a variant may have beside the selected ones.
    """
    expander = _Expander(matrix, locations)
    names = check_names(matrix, expander.edges, locations)
    if not names.is_expandable:
        raise_all(names.errors)
    expander.begin(names)
    variants = expander.variants()
    all_targets = expander.targets(
        variants, tuple(dict.fromkeys((*matrix.platforms, *other_platforms)))
    )
    variants = expander.with_platform(variants)
    targets = {key: item for key, item in all_targets.items() if item.platform in matrix.platforms}
    bases: dict[str, Base] = {}
    for target in targets.values():
        if target.is_root:
            axis = matrix.images[target.variant.image].root_axis
            bases[target.parent] = Base(
                id=target.parent,
                axis=axis,
                value=target.variant.values[axis],
                platform=target.platform,
                line=matrix.value(axis, target.variant.values[axis]).upstream,
            )
    charts = {name: expander.chart_variants(name, variants) for name in matrix.charts}
    expander.check_patches()
    errors = (*names.errors, *expander.errors)
    raise_all(list({str(error): error for error in errors}.values()))
    pruned = expander.pruned
    return Expansion(
        variants={name: found for name, found in variants.items() if name not in pruned.images},
        targets=targets,
        bases=bases,
        charts={name: found for name, found in charts.items() if name not in pruned.charts},
        upstream_charts=tuple(matrix.upstream_charts),
        pruned=pruned,
    )


class _Expander(Narrower):
    def __init__(self, matrix: Matrix, locations: Locations) -> None:
        super().__init__(matrix, locations)
        self._combinations = 0  # of values that were looked at
        self._number = 0  # of variants
        self._homeless: set[str] = set()  # variants of catalogs below that no platform has
        self.limits: set[Path] = set()  # to platforms, that were found to leave none
        self.edges = {
            name: [
                item
                for item in (image.parent, *(used.image for used in image.inputs))
                if item in matrix.images
            ]
            for name, image in matrix.images.items()
        }

    # Variants.

    def variants(self) -> dict[str, tuple[Variant, ...]]:
        variants: dict[str, tuple[Variant, ...]] = {}
        axes: dict[str, tuple[str, ...]] = {}
        for name in graph.order(self.edges):
            image = self.matrix.images[name]
            inherited = axes.get(image.parent, ())
            axes[name] = (*inherited, *(axis for axis in image.axes if axis not in inherited))
            for index, axis in enumerate(image.axes):
                if axis in inherited or axis in image.axes[:index]:
                    source = f", from its parent {image.parent}" if axis in inherited else ""
                    message = f"image {name} has axis {axis} already{source}"
                    self._fail(message, ("images", name, "axes", index))
            variants[name] = self._left(image, axes[name], variants)
        return {name: variants[name] for name in self.matrix.images}

    def _left(
        self,
        image: Image,
        axes: tuple[str, ...],
        variants: Mapping[str, tuple[Variant, ...]],
    ) -> tuple[Variant, ...]:
        """Return the variants of an image: none where something is wrong with what it needs."""
        needed = (image.parent, *(item.image for item in image.inputs if not item.optional))
        if gone := [name for name in needed if self.has_left_out(name)]:
            message = f"image {image.name} needs {gone[0]}, of which no target is left"
            self.leave_out_image(image, message)
            return ()
        parents = variants.get(image.parent)
        if parents == ():
            return ()
        own = self._variants(image, axes, [item.values for item in parents] if parents else [{}])
        found = self.with_inputs(image, own, variants)
        if own and not found:
            self.leave_out_image(image)
        return found

    def _variants(
        self, image: Image, axes: tuple[str, ...], parents: Sequence[Mapping[str, str]]
    ) -> tuple[Variant, ...]:
        own_values = [self.matrix.axes[axis] for axis in axes if axis not in parents[0]]
        before = len(self.errors)
        if not self._constraints_fit(image, axes, own_values):
            return ()
        self._combinations += len(parents) * prod(map(len, own_values))
        if self._combinations > _MOST_COMBINATIONS:
            self._refuse(f"up to image {image.name} there are", _MOST_COMBINATIONS, image)
        candidates = [
            {**parent, **{value.axis: value.name for value in combination}}
            for parent in parents
            for combination in itertools.product(*own_values)
        ]
        allowed = [values for values in candidates if self._values_agree(values)]
        combinations = self.narrowed(allowed, image)
        if not combinations and not self.unknown and len(self.errors) == before:
            self.leave_out_image(image)
        combinations.sort(key=self.matrix.is_preview)  # which keeps the order of the others
        self._number += len(combinations)
        if self._number > _MOST_VARIANTS:
            self._refuse(f"with image {image.name} the catalog has", _MOST_VARIANTS, image)
        return tuple(Variant(image=image.name, values=values) for values in combinations)

    def _refuse(self, begin: str, most: int, image: Image) -> NoReturn:
        """Raise the error of a matrix that nobody could build."""
        raise ConfigError(
            f"{begin} more than {most:,} variants",
            hint="give its images fewer axes, or `only` a part of their values",
            location=self.locations.at_key(("images", image.name)),
        )

    def _constraints_fit(
        self, image: Image, axes: Iterable[str], own_values: Sequence[Sequence[AxisValue]]
    ) -> bool:
        """Note an error for each axis in a constraint that the image does not have."""
        has = set(axes)
        constraints: list[tuple[Constraint, Path]] = [
            item for value in itertools.chain(*own_values) for item in constraint_paths(value)
        ]
        constraints.append((image.only, ("images", image.name, "only")))
        constraints += [
            (constraint, ("images", image.name, "exclude", index))
            for index, constraint in enumerate(image.exclude)
        ]
        missing = [
            (axis, (*path, axis))
            for constraint, path in constraints
            for axis in constraint
            if axis not in has
        ]
        for axis, path in missing:
            hint = f"it has {', '.join(axes)}"
            self._fail_key(f"image {image.name} has no axis {axis}", path, hint)
        return not missing

    def _values_agree(self, values: Mapping[str, str]) -> bool:
        return all(self.matrix.value(axis, name).fitting(values) for axis, name in values.items())

    # Targets and charts.

    def targets(
        self, variants: Mapping[str, tuple[Variant, ...]], platforms: Sequence[str]
    ) -> dict[str, Target]:
        """Return every variant on each platform that has it, parents first."""
        targets: dict[str, Target] = {}
        without_platform: set[str] = set()  # variants without a platform, and their descendants
        for name in graph.order(self.edges):
            for variant in variants[name]:
                candidates = [
                    without(
                        target := self.target(variant, platform, variants),
                        {
                            item: f"{image} has none for {platform}"
                            for image, item in target.inputs
                            if item not in targets
                        },
                    )
                    for platform in platforms
                ]
                available = [
                    item for item in candidates if _has_platform(item, targets, self.matrix)
                ]
                targets |= {
                    item.id: item
                    for target in available
                    for item in _with_tops(target, self.matrix)
                }
                if not available:
                    self._check_alone(variant, candidates[0], platforms, without_platform)
        return targets

    def _check_alone(
        self, variant: Variant, target: Target, platforms: Sequence[str], alone: set[str]
    ) -> None:
        """Note that no platform has a variant, unless that was noted for an ancestor.

        One of a catalog below is left out.
        """
        if self.locations.own(("images", variant.image)) is None:
            self._homeless.add(variant.id)
            return
        below = {target.parent, *(item for _, item in target.inputs)}
        path, limit = self._limit(variant)
        if not below & alone and path not in self.limits:
            self.limits.add(path)
            has = f"this has {', '.join(limit)}; " if limit else ""
            hint = f"{has}the catalog is for {', '.join(platforms)}"
            self._fail_key(f"no platform has {variant.id}", path, hint)
        alone.add(target.id)

    def with_platform(
        self, variants: Mapping[str, tuple[Variant, ...]]
    ) -> dict[str, tuple[Variant, ...]]:
        """Return the variants without those of catalogs below that no platform has."""
        left = {
            name: self.without_lone(items, [it for it in items if it.id in self._homeless])
            for name, items in variants.items()
        }
        for name, items in left.items():
            if variants[name] and not items:
                self.leave_out_image(self.matrix.images[name])
        return left

    def _limit(self, variant: Variant) -> tuple[Path, tuple[str, ...]]:
        """Return the path of what limits the platforms of a variant, and these platforms."""
        image = self.matrix.images[variant.image]
        if image.platforms:
            return ("images", image.name, "platforms"), image.platforms
        for axis in image.axes:
            value = self.matrix.value(axis, variant.values[axis])
            if value.platforms:
                return ("axes", axis, value.name, "platforms"), value.platforms
        return ("images", image.name), ()

    def target(
        self, variant: Variant, platform: str, variants: Mapping[str, tuple[Variant, ...]]
    ) -> Target:
        matrix, image = self.matrix, self.matrix.images[variant.image]
        is_root = image.parent not in matrix.images
        parent: str
        if is_root:
            parent = BaseId.of(image.root_axis, variant.values[image.root_axis], platform)
        else:
            # A child only narrows, so the projection on the parent's axes is one of its variants.
            axes = variants[image.parent][0].values
            projection = {axis: variant.values[axis] for axis in axes}
            parent = _without_tops(Variant(image=image.parent, values=projection), platform, matrix)
        values = [matrix.value(axis, name) for axis, name in variant.values.items()]
        return Target(
            id=_without_tops(variant, platform, matrix),
            variant=variant,
            platform=platform,
            recipe=image.recipe,
            parent=parent,
            inputs=tuple(
                (item.called, _without_tops(match, platform, matrix))
                for item in image.inputs
                if (match := self._input_variant(variant, item.image, variants[item.image]))
                is not None
            ),
            optional=tuple(item.called for item in image.inputs if item.optional),
            is_root=is_root,
            is_mirrored=image.is_mirrored,
            publish=image.publish,
            eol=min((value.eol for value in values if value.eol), default=None),
            last_day=min(filter(None, map(matrix.last_day, values)), default=None),
        )

    def _input_variant(
        self, variant: Variant, name: str, choices: Sequence[Variant]
    ) -> Variant | None:
        """Return the first variant of an input that has the same value on each shared axis."""
        for choice in choices:
            if agree(variant, choice):
                return choice
        path = ("images", variant.image, "inputs")
        if choices and self.locations.own(("images", variant.image)) is not None:
            self._fail(f"input {name} has no target for {variant.id}", path)
        return None

    def chart_variants(
        self, name: str, variants: Mapping[str, tuple[Variant, ...]]
    ) -> tuple[Variant, ...]:
        chart = self.matrix.charts[name]
        path: Path = ("charts", name)
        if not self.matrix.images[chart.image].publish:
            self._fail(f"image {chart.image} is not published", (*path, "image"))
        if self.has_left_out(chart.image):
            self.leave_out_chart(chart)
        if not variants[chart.image]:  # what is wrong is reported already
            return ()
        before = len(self.errors)
        only = self.only(
            chart.only, [variant.values for variant in variants[chart.image]], (*path, "only")
        )
        selected = tuple(
            variant for variant in variants[chart.image] if matches(only, variant.values)
        )
        if chart.narrowed:
            left = self.patched([dict(item.values) for item in selected], chart.narrowed)
            selected = tuple(variant for variant in selected if variant.values in left)
        if not selected and not self.unknown and len(self.errors) == before:
            self.leave_out_chart(chart)
        if selected and self.matrix.is_preview(selected[0].values):
            hint = "give it a variant without one, which its form has first"
            self._fail_key(f"chart {name} selects only previews of image {chart.image}", path, hint)
        return selected


def own_values(target: Target, expansion: Expansion) -> dict[str, str]:
    """Return the values that a target adds to those of its parent."""
    parent = expansion.targets.get(target.parent)
    inherited = parent.variant.values if parent else {}
    return {axis: name for axis, name in target.variant.values.items() if axis not in inherited}
