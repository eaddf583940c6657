"""Finds what many charts have otherwise than below, and says it as few patches. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from builder.catalog.charts import ValueSpec
from builder.catalog.difference import same
from builder.catalog.models import Catalog, Chart, ChartRecipe

FEWEST = 2
"""How many charts must share a change for a patch of it."""
_KEYS = {"source": "from"}  # names of fields that a file writes otherwise
_NEVER = ("type", "formerly", "also", "refilled", "fills", "shown_if", "hidden_if")
"""What belongs to the value itself: it is said in its feature."""
Specs = dict[str, ValueSpec]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One decision: an attribute of a value, or a feature, that charts have otherwise.

    `path` is the path of the value, `key` the attribute as files write it; for a feature they are
    its name, and `features+` or `features-`. `charts` have it, `free` may be selected as well.
    """

    path: str
    key: str
    value: Any
    charts: frozenset[str]
    free: frozenset[str] = frozenset()

    def fits(self, selected: frozenset[str]) -> bool:
        """Whether a selection has all charts that need it, and no other that it would change."""
        return self.charts <= selected <= self.charts | self.free


@dataclass(kw_only=True)
class SharedPatch:
    """Changes of the same charts, which one selector picks."""

    selector: str | list[str]
    selected: frozenset[str]
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ChartPair:
    """The charts of a catalog, and the catalog below that they were copied from."""

    below: Catalog
    copy: Catalog

    def features(self, name: str, catalog: Catalog) -> tuple[str, ...]:
        """Return the features that a chart has by the files of one of the two catalogs."""
        chart = self._line(name, catalog)
        recipe = self._recipe(chart, catalog)
        names = dict.fromkeys((*(recipe.features if recipe else ()), *chart.features))
        return tuple(item for item in names if item not in chart.dropped)

    def specs(self, name: str, catalog: Catalog) -> Specs:
        """Return the values of a chart by the files of one catalog, before the chart's own line.

        The features are those of the copy: what is looked for is how their values differ.
        """
        specs: Specs = {}
        names = self.features(name, self.copy)
        features = [catalog.features.get(item, self.copy.features.get(item)) for item in names]
        for feature in filter(None, features):
            specs |= feature.values
        recipe = self._recipe(self.copy.matrix.charts[name], catalog)
        changes = [feature.changes for feature in features if feature]
        for said in (*changes, recipe.values if recipe else {}):
            for path, change in said.items():
                if path in specs:
                    specs[path] = specs[path].changed_by(change)
        return specs

    def is_free(self, name: str, has: Specs, path: str, key: str, value: Any) -> bool:
        """Whether a patch may select a chart that does not need it: it changes nothing there."""
        below = self.below.matrix.charts
        if path not in has or (key == "default" and name in below and path in below[name].values):
            return True
        own = self.copy.matrix.charts[name].values
        is_own = key == "default" and path in own
        return same(own[path] if is_own else _attribute(has[path], key), value)

    def _line(self, name: str, catalog: Catalog) -> Chart:
        return catalog.matrix.charts.get(name, self.copy.matrix.charts[name])

    def _recipe(self, chart: Chart, catalog: Catalog) -> ChartRecipe | None:
        return catalog.charts.get(chart.recipe, self.copy.charts.get(chart.recipe))


def said_by(spec: ValueSpec, change: Change) -> bool:
    """Whether a description of a value says what a change says."""
    return same(_attribute(spec, change.key), change.value)


def _attribute(spec: ValueSpec, key: str) -> Any:
    name = next((item for item, shown in _KEYS.items() if shown == key), key)
    return getattr(spec, name)


def changes_of_values(pair: ChartPair, names: Sequence[str]) -> list[Change]:
    """Return each attribute of a value that charts have otherwise, with these charts."""
    found: dict[tuple[str, str, str], tuple[Any, set[str]]] = {}
    has: dict[str, Specs] = {name: pair.specs(name, pair.copy) for name in names}
    patched = {
        item.path for name in names for item in pair.copy.matrix.charts[name].changes
    }  # an earlier patch may say the same attribute again
    for name in names:
        for path, key, value in _otherwise(pair, name, has[name]):
            if path not in patched:
                entry = found.setdefault((path, key, repr(value)), (value, set()))
                entry[1].add(name)
    lone = {
        (path, name)
        for (path, key, _), (_, charts) in found.items()
        for name in charts
        if key == "default"
        and len(charts) < FEWEST
        and path in pair.copy.matrix.charts[name].values
    }  # what such a chart's own line says stays there, and counts more than a patch

    def is_free(name: str, path: str, key: str, value: Any) -> bool:
        return (key == "default" and (path, name) in lone) or pair.is_free(
            name, has[name], path, key, value
        )

    return [
        Change(
            path=path,
            key=key,
            value=value,
            charts=frozenset(charts),
            free=frozenset(
                name for name in names if name not in charts and is_free(name, path, key, value)
            ),
        )
        for (path, key, _), (value, charts) in found.items()
    ]


def _otherwise(pair: ChartPair, name: str, has: Specs) -> Iterator[tuple[str, str, Any]]:
    """Yield path, attribute and value of what a chart has otherwise than below."""
    own = pair.copy.matrix.charts[name].values
    line = pair.below.matrix.charts[name].values if name in pair.below.matrix.charts else own
    for path, spec in pair.specs(name, pair.below).items():
        if path not in has:
            continue
        for item in fields(ValueSpec):
            old, new = getattr(spec, item.name), getattr(has[path], item.name)
            if item.name == "default" and path in own:
                if path in line:
                    continue
                new = own[path]
            if item.name not in _NEVER and not same(old, new):
                yield path, _KEYS.get(item.name, item.name), new


def changes_of_features(pair: ChartPair, names: Sequence[str]) -> list[Change]:
    """Return each feature that charts have more or less, where a patch puts it at its place."""
    more: dict[str, set[str]] = defaultdict(set)
    fewer: dict[str, set[str]] = defaultdict(set)
    has = {name: pair.features(name, pair.copy) for name in names}
    had = {name: pair.features(name, pair.below) for name in names}
    odd = {
        pair.copy.matrix.charts[name].recipe
        for name in names
        if not _is_at_end(had[name], has[name])
    }
    for name in names:
        if pair.copy.matrix.charts[name].recipe in odd or name not in pair.below.matrix.charts:
            continue
        for feature in has[name]:
            if feature not in had[name]:
                more[feature].add(name)
        for feature in had[name]:
            if feature not in has[name]:
                fewer[feature].add(name)
    return [
        *(
            Change(path=feature, key="features+", value=feature, charts=frozenset(charts),
                   free=frozenset(name for name in names if feature in had[name]))
            for feature, charts in more.items()
        ),
        *(
            Change(path=feature, key="features-", value=feature, charts=frozenset(charts),
                   free=frozenset(name for name in names if feature not in had[name]))
            for feature, charts in fewer.items()
        ),
    ]  # fmt: skip


def _is_at_end(had: Sequence[str], has: Sequence[str]) -> bool:
    """Whether features that are new stand after all others, and these in their order."""
    kept = [item for item in had if item in has]
    return [*kept, *(item for item in has if item not in had)] == list(has)


def shared_patches(
    changes: Iterable[Change], charts: Mapping[str, Mapping[str, Iterable[str]]]
) -> list[SharedPatch]:
    """Return changes that several charts share as few patches, the greatest first.

    `charts` has what selectors ask of each chart, by name: recipe, image and feature.
    """
    patches: list[SharedPatch] = []
    candidates = list(_selectors(charts))
    shared = [item for item in changes if len(item.charts) >= FEWEST]
    for change in sorted(shared, key=lambda item: -len(item.charts)):
        for patch in patches:
            if change.fits(patch.selected) and not _says_otherwise(patch, change):
                patch.changes.append(change)
                break
        else:
            picked = next((item for item in candidates if change.fits(item[1])), None)
            names = [name for name in charts if name in change.charts]
            selector, selected = picked or (names, change.charts)
            patches.append(SharedPatch(selector=selector, selected=selected, changes=[change]))
    return patches


def _says_otherwise(patch: SharedPatch, change: Change) -> bool:
    return any((item.path, item.key) == (change.path, change.key) for item in patch.changes)


def _selectors(
    charts: Mapping[str, Mapping[str, Iterable[str]]],
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield selectors with the charts that they pick, the plainest first."""
    whole = frozenset(charts)
    terms: dict[str, frozenset[str]] = {}
    for name in charts:
        head, _, tail = name.partition("-")
        terms.setdefault(f"{head}*", frozenset(item for item in charts if item.startswith(head)))
        end = name.rpartition("-")[2]
        if tail:
            fits = (item for item in charts if item.endswith(f"-{end}"))
            terms.setdefault(f"*-{end}", frozenset(fits))
    for key in ("recipe", "feature", "image"):
        for value in sorted({value for facts in charts.values() for value in facts[key]}):
            fits = (name for name, facts in charts.items() if value in facts[key])
            terms.setdefault(f"{key}={value}", frozenset(fits))
    ordered = sorted(terms, key=lambda term: ("recipe=" not in term, "*" not in term))
    yield "*", whole
    for term in ordered:
        yield term, terms[term]
    for term in ordered:
        yield f"not {term}", whole - terms[term]
    for one in ordered:
        for other in ordered:
            both = terms[one] - terms[other]
            if both and both != terms[one]:
                yield f"{one},not {other}", both
