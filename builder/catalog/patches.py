"""Applies the patches of matrix.yaml to what they select, in their order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from builder.catalog.chart_patches import change_charts, change_features
from builder.catalog.image_patches import change_images
from builder.catalog.models import ChartFeature, Matrix, Recipe
from builder.catalog.parser import CheckName
from builder.catalog.patch import CHANGES, KINDS, Patch
from builder.catalog.patching import Patching, noun
from builder.catalog.recipe_patches import change_recipes
from builder.catalog.selectors import Objects
from builder.common.errors import BuilderError
from builder.common.text import count, did_you_mean, listed


@dataclass(frozen=True, kw_only=True)
class Patched:
    """The objects of a catalog with all patches, and what is wrong with the patches."""

    matrix: Matrix
    recipes: Mapping[str, Recipe]
    features: Mapping[str, ChartFeature]
    errors: Sequence[BuilderError]


def patched(objects: Objects, check_ecosystem: CheckName | None = None) -> Patched:
    """Return the objects of a catalog with all patches, in their order.

    `check_ecosystem` raises ConfigError if no ecosystem has a name, which is at a location.
    """
    patching, matched = Patching(objects), {}
    for patch in objects.matrix.patches.values():
        if not _is_right(patching, patch):
            continue
        kind = patch.kinds[0]
        excepted = set(objects.selected(kind, patch.excepted))
        found = objects.selected(kind, patch.selectors)
        matched[patch.name] = names = tuple(name for name in found if name not in excepted)
        if not _is_expected(patching, patch, names):
            continue
        if kind == "charts":
            change_charts(patching, patch, names)
        elif kind == "images":
            change_images(patching, patch, names)
        elif kind == "recipes":
            change_recipes(patching, patch, names, check_ecosystem)
        else:
            change_features(patching, patch, names)
    charts = patching.charts
    matrix = replace(
        objects.matrix,
        images=patching.images,
        charts={name: chart for name, chart in charts.items() if not chart.upstream},
        upstream_charts={name: chart for name, chart in charts.items() if chart.upstream},
        matched=matched,
    )
    return Patched(
        matrix=matrix,
        recipes=patching.recipes,
        features=patching.features,
        errors=patching.errors,
    )


def _is_right(patching: Patching, patch: Patch) -> bool:
    """Whether a patch selects one kind of objects, and changes what these have; else note that."""
    before = len(patching.errors)
    if len(patch.kinds) != 1:
        has = f"both {listed(patch.kinds)}" if patch.kinds else f"none of {listed(KINDS)}"
        hint = "a patch selects one kind of objects: write one for each kind"
        path = patch.kinds[1:2]
        patching.fail("E-PATCH-SCOPE", patch, path, f" selects {has}", hint)
        return False
    kind = patch.kinds[0]
    for key in patching.raw(patch):
        owners = [owner for owner in KINDS if key in CHANGES[owner]]
        if owners and kind not in owners:
            message = f": {key!r} is for {owners[0]}, and it selects {kind}"
            hint = f"a patch of {kind} has {', '.join(CHANGES[kind])}"
            patching.fail("E-PATCH-SCOPE", patch, (key,), message, hint)
    for key, selectors in ((kind, patch.selectors), ("except", patch.excepted)):
        for selector in selectors:
            if found := patching.objects.problem(kind, selector):
                message = f": {found.message}"
                patching.fail("E-PATCH-SELECTOR", patch, (key,), message, found.hint)
    return len(patching.errors) == before


def _is_expected(patching: Patching, patch: Patch, names: Sequence[str]) -> bool:
    """Whether a patch selects as many objects as it expects; else note that."""
    if patch.expects(len(names)):
        return True
    kind = patch.kinds[0]
    if not names:
        plain = [item for item in patch.selectors if "=" not in item and ":" not in item]
        near = did_you_mean(plain[0], patching.objects.names(kind)) if plain else ""
        hint = near or "`expect: 0+` allows that"
        patching.fail("E-PATCH-NOTHING", patch, (kind,), f" selects no {noun(kind)}", hint)
        return False
    message = f" selects {count(len(names), noun(kind))}, and expects {patch.expect}"
    hint = f"it selects {listed(names)}"
    patching.fail("E-PATCH-EXPECT", patch, ("expect",), message, hint)
    return False
