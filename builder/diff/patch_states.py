"""Find what becomes of the patches of a catalog on another content of those below. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.catalog.models import Catalog, Chart, ValueSpec
from builder.catalog.patch import Patch, PatchedValue
from builder.common.errors import BuilderError
from builder.diff.stacks import (
    AMBIGUOUS,
    APPLIES,
    DIFFERS,
    FEWER,
    MORE,
    NOTHING,
    REDUNDANT,
    REFUSED,
    UNKNOWN,
    PatchState,
)

_STATES = {
    "E-PATCH-NOTHING": NOTHING,
    "E-PATCH-EXPECT": DIFFERS,
    "E-PATCH-AMBIGUOUS": AMBIGUOUS,
}


@dataclass(frozen=True, kw_only=True)
class OwnPatch:
    """A patch of the own catalog: where it is, and the names that it selected before."""

    name: str
    place: str
    before: Sequence[str]


def patch_states(
    patches: Sequence[OwnPatch], catalog: Catalog | None, errors: Sequence[BuilderError]
) -> tuple[PatchState, ...]:
    """Return the state of each patch; `catalog` is None where it cannot be read.

    `errors` are all that is wrong with it.
    """
    return tuple(_state(patch, catalog, errors) for patch in patches)


def _state(own: OwnPatch, catalog: Catalog | None, errors: Sequence[BuilderError]) -> PatchState:
    error = next((error for error in errors if _names(error.message, own.name)), None)
    if catalog is None:
        return PatchState(
            name=own.name, state=UNKNOWN, place=own.place, before=len(own.before),
            reason="the catalog cannot be read",
        )  # fmt: skip
    matrix = catalog.matrix
    now = matrix.matched.get(own.name, ())
    patch = matrix.patches.get(own.name)
    more = tuple(name for name in now if name not in own.before)
    fewer = tuple(name for name in own.before if name not in now)
    places = tuple(_redundant(catalog, patch, now)) if patch and error is None else ()
    state = MORE if more else FEWER if fewer else APPLIES
    if patch and error is None and now and len(places) == _entries(patch):
        state = REDUNDANT
    return PatchState(
        name=own.name,
        state=_STATES.get(error.id, REFUSED) if error else state,
        place=own.place,
        kind=patch.kinds[0] if patch and patch.kinds else "charts",
        before=len(own.before),
        after=len(now),
        more=more,
        fewer=fewer,
        redundant=places,
        reason=error.message if error else "",
    )


def _names(message: str, patch: str) -> bool:
    """Whether a message is about a patch: `patch 'a' …` or `patches 'a' and 'b' …`."""
    match = re.match(r"patch(?:es)? ('.*?')(?: and ('.*?'))?", message)
    return match is not None and repr(patch) in match.groups()


# What is said below already.


def _entries(patch: Patch) -> int:
    """Return how many values a patch changes; -1 where it changes more than values."""
    is_more = patch.kinds[:1] != ("charts",) or patch.more_features or patch.fewer_features
    return -1 if is_more else len(patch.values)


def _redundant(catalog: Catalog, patch: Patch, names: Sequence[str]) -> Iterator[str]:
    """Yield the places of values of which all selected charts say the same without the patch."""
    charts = catalog.matrix.charts
    changes = [
        (chart, item)
        for name in names
        if (chart := charts.get(name))
        for item in chart.changes
        if item.patch == patch.name
    ]
    places = dict.fromkeys(str(item.location) for _, item in changes)
    needed = {str(item.location) for chart, item in changes if not _says(catalog, chart, item)}
    yield from (place for place in places if place not in needed)


def _says(catalog: Catalog, chart: Chart, item: PatchedValue) -> bool:
    """Whether a chart says of a value what a change says, before that change."""
    spec = _before(catalog, chart, item)
    return (
        item.change is not None and spec is not None and item.change.apply(spec, item.path) == spec
    )


def _before(catalog: Catalog, chart: Chart, item: PatchedValue) -> ValueSpec | None:
    """Return the description of a value before a change; None where nothing describes it."""
    recipe = catalog.charts[chart.recipe]
    described: list[Mapping[str, ValueSpec]] = [
        catalog.features[name].values
        for name in dict.fromkeys((*recipe.features, *chart.features))
        if name in catalog.features and name not in chart.dropped
    ]
    spec: ValueSpec | None = None
    for values in (*described, recipe.values):
        if item.path in values:
            spec = spec.changed_by(values[item.path]) if spec else values[item.path]
    for earlier in chart.changes:
        if earlier is item:
            break
        if earlier.path == item.path and earlier.change and spec:
            spec = earlier.change.apply(spec, item.path)
    return spec
