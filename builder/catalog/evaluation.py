"""What the files of a catalog mean: expanded, patched, and expanded again where patches say so.

Pure: the files are read before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from builder.catalog import tags
from builder.catalog.expansion import Expansion, expand
from builder.catalog.models import (
    ChartFeature,
    ChartRecipe,
    Matrix,
    Recipe,
    UpstreamChartRecipe,
)
from builder.catalog.narrowing import Pruned
from builder.catalog.offer import offered, restricted, with_only
from builder.catalog.parser import CheckName, ParsedMatrix
from builder.catalog.patches import Patched, patched
from builder.catalog.recipe import check_chart_needs, check_needs
from builder.catalog.selectors import Objects
from builder.common.errors import BuilderError, raise_all
from builder.common.text import count, listed


@dataclass(frozen=True, kw_only=True)
class CatalogFolders:
    """The files of a catalog, read. `own` is its name, beside those that it stands on.

    `platforms` are those of the matrix, of which a run may be for fewer. `declared_in` returns the
    catalog of a folder, and `check_ecosystem` raises ConfigError for a name that no ecosystem has.
    `accepted` are the names that patches selected when the catalog was locked.
    """

    file: ParsedMatrix
    platforms: tuple[str, ...]
    recipes: Mapping[str, Recipe]
    charts: Mapping[str, ChartRecipe]
    upstream_charts: Mapping[str, UpstreamChartRecipe]
    features: Mapping[str, ChartFeature]
    own: str
    declared_in: Callable[[str], str]
    accepted: Mapping[str, Sequence[str]] = field(default_factory=dict)
    check_ecosystem: CheckName | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """A matrix, its expansion, and its recipes and features, with all patches.

    `notes` are what its maintainer may want to look at.
    """

    matrix: Matrix
    recipes: Mapping[str, Recipe]
    features: Mapping[str, ChartFeature]
    expansion: Expansion
    notes: tuple[str, ...] = ()


def evaluated(
    folders: CatalogFolders,
    errors: Sequence[BuilderError],
    tolerated: list[BuilderError] | None = None,
) -> Evaluated:
    """Return what the files of a catalog mean. Raises `errors` with all that is wrong beside.

    Where `tolerated` is a list, mistakes that leave something to compare are added to it instead.
    """
    expansion, found = _expanded(folders, folders.file.matrix, folders.recipes)
    raise_all([*errors, *found], None if expansion is None else tolerated)
    assert expansion is not None
    whole = _without_pruned(folders.file.matrix, expansion)
    choice, found = offered(_objects(folders, whole, expansion))
    raise_all(found, tolerated)
    before, expansion = restricted(whole, expansion, choice)
    changed = patched(_objects(folders, before, expansion), folders.check_ecosystem)
    raise_all(changed.errors, tolerated)
    matrix = changed.matrix
    if _has_other_variants(matrix, before):
        other, found = _expanded(folders, matrix, changed.recipes)
        raise_all(found, None if other is None else tolerated)
        assert other is not None
        other = replace(other, pruned=_joined(expansion.pruned, other.pruned))
        matrix, expansion = restricted(_without_pruned(matrix, other), other, choice)
    return _whole(*_with_further_names(matrix, expansion), changed)


def _whole(matrix: Matrix, expansion: Expansion, changed: Patched) -> Evaluated:
    """Return a patched matrix with the recipes that it uses, and the notes about it."""
    used = {name for image in matrix.images.values() for name in (image.recipe, *image.top)}
    return Evaluated(
        matrix=matrix,
        recipes={name: recipe for name, recipe in changed.recipes.items() if name in used},
        features=changed.features,
        expansion=expansion,
        notes=(*changed.notes, *_notes(expansion.pruned)),
    )


def _with_further_names(matrix: Matrix, expansion: Expansion) -> tuple[Matrix, Expansion]:
    """Return a matrix and its expansion with a chart for each further name of one."""
    further = [
        (replace(chart, name=name, also=(), is_deprecated=True), chart.name)
        for chart in matrix.all_charts.values()
        for name in chart.also
    ]
    if not further:
        return matrix, expansion
    own = {chart.name: chart for chart, _ in further if chart.upstream is None}
    upstream = {chart.name: chart for chart, _ in further if chart.upstream is not None}
    variants = {
        chart.name: expansion.charts[name] for chart, name in further if chart.upstream is None
    }
    return replace(
        matrix,
        charts={**matrix.charts, **own},
        upstream_charts={**matrix.upstream_charts, **upstream},
    ), replace(
        expansion,
        charts={**expansion.charts, **variants},
        upstream_charts=(*expansion.upstream_charts, *upstream),
    )


def _without_pruned(matrix: Matrix, expansion: Expansion) -> Matrix:
    """Return a matrix without the images and charts of which nothing is left."""
    if not expansion.pruned.images and not expansion.pruned.charts:
        return matrix
    charts = (*expansion.charts, *expansion.upstream_charts)
    return with_only(matrix, expansion.variants, charts)


def _joined(before: Pruned, after: Pruned) -> Pruned:
    """Return what was left out before patches, and after them."""
    return Pruned(
        entries=tuple(dict.fromkeys((*before.entries, *after.entries))),
        variants=tuple(
            item for item in (*before.variants, *after.variants) if item.image not in after.images
        ),
        images=(*before.images, *after.images),
        charts=(*before.charts, *after.charts),
    )


def _notes(pruned: Pruned) -> Iterator[str]:
    """Yield what is left out of the catalogs below."""
    if pruned.entries:
        names = count(len(pruned.entries), "name")
        yield f"note: {names} in lists of catalogs below left out: nothing here has them"
    for noun, names_left in (("image", pruned.images), ("chart", pruned.charts)):
        if names_left:
            nouns = count(len(names_left), noun)
            left = listed(names_left)
            yield f"note: {nouns} of catalogs below left out: no target of {left} is left"


def _objects(folders: CatalogFolders, matrix: Matrix, expansion: Expansion) -> Objects:
    """Return what patches and `offer` select from."""
    return Objects(
        matrix=matrix,
        recipes=folders.recipes,
        charts=folders.charts,
        upstream_charts=folders.upstream_charts,
        features=folders.features,
        expansion=expansion,
        document=folders.file.document,
        own=folders.own,
        declared_in=folders.declared_in,
        accepted=folders.accepted,
    )


def _has_other_variants(matrix: Matrix, before: Matrix) -> bool:
    """Whether patches changed what a matrix is expanded from."""
    narrowed = [chart.narrowed for chart in matrix.charts.values()]
    return matrix.images != before.images or any(narrowed)


def _expanded(
    folders: CatalogFolders, matrix: Matrix, recipes: Mapping[str, Recipe]
) -> tuple[Expansion | None, list[BuilderError]]:
    """Return the expansion of a matrix, None if it contradicts itself, and what is wrong."""
    document = folders.file.document
    try:
        expansion = expand(matrix, document, folders.platforms)
    except BuilderError as error:
        return None, [error]
    errors = tags.check(expansion, matrix, document)
    errors += check_needs(expansion, matrix, recipes, document)
    errors += check_chart_needs(matrix, folders.charts, document)
    return expansion, errors
