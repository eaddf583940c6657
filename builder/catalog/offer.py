"""Leaves of a catalog what `offer` selects, and all that this needs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from builder.catalog.expansion import Expansion
from builder.catalog.models import Matrix
from builder.catalog.selectors import Objects
from builder.common import graph
from builder.common.errors import BuilderError, ConfigError


@dataclass(frozen=True, kw_only=True)
class Offered:
    """The names of the charts and images that are offered."""

    charts: tuple[str, ...]
    images: tuple[str, ...]


def offered(objects: Objects) -> tuple[Offered | None, list[BuilderError]]:
    """Return what `offer` selects, None where all is offered, and what is wrong with it."""
    offer = objects.matrix.offer
    if offer is None:
        return None, []
    errors: list[BuilderError] = []
    for kind, selectors in (("charts", offer.charts), ("images", offer.images)):
        for index, selector in enumerate(selectors):
            location = objects.document.at(("offer", kind, index))
            if problem := objects.problem(kind, selector):
                message, hint, error_id = problem.message, problem.hint, "E-PATCH-SELECTOR"
            elif not objects.selected(kind, [selector], ("offer", kind, index)):
                message = f"{selector!r} selects no {kind.removesuffix('s')}"
                hint, error_id = objects.near(kind, selector), "E-OFFER-NOTHING"
            else:
                continue
            message = f"offer: {message}"
            errors.append(ConfigError(message, hint=hint, location=location, id=error_id))
    charts = objects.selected("charts", offer.charts, ("offer", "charts"))
    images = objects.selected("images", offer.images, ("offer", "images"))
    return Offered(charts=charts, images=images), errors


def restricted(
    matrix: Matrix, expansion: Expansion, choice: Offered | None
) -> tuple[Matrix, Expansion]:
    """Return what is offered of a matrix and its expansion, with all that it is built from."""
    if choice is None:
        return matrix, expansion
    roots = _roots(expansion, choice)
    needed = graph.reach(roots, expansion.needs)
    targets = {
        key: target if key in roots else replace(target, publish=False)
        for key, target in expansion.targets.items()
        if key in needed
    }
    kept = {target.variant.id for target in targets.values()}
    variants = {
        name: found
        for name, items in expansion.variants.items()
        if (found := tuple(item for item in items if item.id in kept))
    }
    left = replace(
        expansion,
        variants=variants,
        targets=targets,
        bases={key: base for key, base in expansion.bases.items() if key in needed},
        charts={name: items for name, items in expansion.charts.items() if name in choice.charts},
        upstream_charts=_among(expansion.upstream_charts, choice.charts),
    )
    return with_only(matrix, variants, choice.charts), left


def with_only(matrix: Matrix, images: Collection[str], charts: Collection[str]) -> Matrix:
    """Return a matrix with some of its images and charts."""
    return replace(
        matrix,
        images={
            name: replace(
                image, inputs=tuple(item for item in image.inputs if item.image in images)
            )
            for name, image in matrix.images.items()
            if name in images
        },
        charts={name: chart for name, chart in matrix.charts.items() if name in charts},
        upstream_charts={
            name: chart for name, chart in matrix.upstream_charts.items() if name in charts
        },
    )


def _roots(expansion: Expansion, choice: Offered) -> set[str]:
    """Return the ids of the targets that are offered."""
    variants = [
        variant
        for name, items in expansion.charts.items()
        if name in choice.charts
        for variant in items
    ]
    variants += [variant for name in choice.images for variant in expansion.variants.get(name, ())]
    members = expansion.members
    return {key for variant in variants for key in members.get(variant.id, {}).values()}


def _among(names: Sequence[str], others: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in others)
