"""Applies the patches of matrix.yaml to what they select, in their order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from builder.catalog.chart_lines import change_by_lines
from builder.catalog.chart_patches import change_charts, change_features
from builder.catalog.image_patches import change_images
from builder.catalog.models import ChartFeature, Matrix, Recipe
from builder.catalog.parser import CheckName
from builder.catalog.patch import CHANGES, KINDS, Patch
from builder.catalog.patching import Patching, noun
from builder.catalog.recipe_patches import change_recipes
from builder.catalog.selectors import Objects
from builder.common.errors import BuilderError
from builder.common.text import count, listed


@dataclass(frozen=True, kw_only=True)
class Patched:
    """The objects of a catalog with all patches, and what is wrong with the patches."""

    matrix: Matrix
    recipes: Mapping[str, Recipe]
    features: Mapping[str, ChartFeature]
    errors: Sequence[BuilderError]
    notes: Sequence[str] = ()


def patched(objects: Objects, check_ecosystem: CheckName | None = None) -> Patched:
    """Return the objects of a catalog with all patches, in their order.

    `check_ecosystem` raises ConfigError if no ecosystem has a name, which is at a location.
    """
    patching, matched, notes = Patching(objects), dict[str, tuple[str, ...]](), list[str]()
    for patch in objects.matrix.patches.values():
        if not _is_right(patching, patch):
            continue
        kind = patch.kinds[0]
        excepted = set(objects.selected(kind, patch.excepted, ("patches", patch.name, "except")))
        found = objects.selected(kind, patch.selectors, ("patches", patch.name, kind))
        matched[patch.name] = names = tuple(name for name in found if name not in excepted)
        if not _is_expected(patching, patch, names):
            continue
        notes += _notes(patching, patch, names)
        if kind == "charts":
            change_charts(patching, patch, names)
        elif kind == "images":
            change_images(patching, patch, names)
        elif kind == "recipes":
            change_recipes(patching, patch, names, check_ecosystem)
        else:
            change_features(patching, patch, names)
    change_by_lines(patching)
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
        notes=(*notes, *patching.notes),
    )


def _is_right(patching: Patching, patch: Patch) -> bool:
    """Whether a patch selects one kind of objects, and changes what these have; else note that."""
    before = patching.failed
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
    return patching.failed == before


def _is_expected(patching: Patching, patch: Patch, names: Sequence[str]) -> bool:
    """Whether a patch selects as many objects as it expects; else note that.

    What a catalog below expects, it expects without what this one adds and leaves out.
    """
    is_own = patching.objects.document.own(("patches", patch.name)) is not None
    if not is_own or patch.expects(len(names)):
        return True
    kind, objects = patch.kinds[0], patching.objects
    if not names:
        near = (objects.near(kind, item) for item in patch.selectors)
        hint = next(filter(None, near), "`expect: 0+` allows that")
        if before := objects.accepted.get(patch.name, ()):
            hint = f"{listed(before)} went since it was locked; {hint}"
        patching.fail("E-PATCH-NOTHING", patch, (kind,), f" selects no {noun(kind)}", hint)
        return False
    message = f" selects {count(len(names), noun(kind))}, and expects {patch.expect}"
    came, went = _moved(patching, patch, names)
    said = [f"{listed(words)} {verb}" for words, verb in ((came, "came"), (went, "went")) if words]
    hint = f"it selects {listed(names)}"
    if said:
        hint = f"{' and '.join(said)} since it was locked; {hint}"
    patching.fail("E-PATCH-EXPECT", patch, ("expect",), message, hint)
    return False


def _moved(patching: Patching, patch: Patch, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what a patch selects and did not when the catalog was locked, and the other way."""
    before = patching.objects.accepted.get(patch.name)
    if before is None:
        return [], []
    came = [name for name in names if name not in before]
    return came, [name for name in before if name not in names]


def _notes(patching: Patching, patch: Patch, names: Sequence[str]) -> list[str]:
    """Return a note about a patch that selects more than when the catalog was locked."""
    came, _ = _moved(patching, patch, names)
    if not came:
        return []
    more = f"{count(len(came), noun(patch.kinds[0]))} more than when it was locked: {listed(came)}"
    where = patching.location(patch, ())
    return [f"note: {where}: patch {patch.name!r} selects {more}; `builder lock` accepts that"]
