"""Selectors of patches and of `offer`: which charts, images, recipes or features they pick. Pure.

A selector is terms joined by commas, which all hold; of several selectors one must fit. They see
the catalog as it is before the first patch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

from builder.catalog.expansion import Expansion
from builder.catalog.models import (
    Chart,
    ChartFeature,
    ChartRecipe,
    Matrix,
    Path,
    Recipe,
    UpstreamChartRecipe,
)
from builder.catalog.yaml_document import Document
from builder.common.text import did_you_mean

_TERM = re.compile(
    r"(?P<negation>not\s+)?"
    r"(?:has:(?P<axis>\S+)|(?P<key>[a-z][a-z0-9-]*)=(?P<value>\S+)|(?P<glob>[^\s=:]+))"
)
_WORDS = ("offered", "charted")
_CATALOG = "from-catalog"
_KEYS: Mapping[str, tuple[str, ...]] = {
    "charts": ("recipe", "image", "feature", "value", _CATALOG),
    "images": ("recipe", _CATALOG),
    "recipes": ("feature", _CATALOG),
    "features": ("value", _CATALOG),
}
_FORMS: Mapping[str, str] = {
    "charts": "a glob, `axis=value`, `has:AXIS`, `recipe=`, `image=`, `feature=`, `value=PATH`,"
    " `from-catalog=NAME` or `not TERM`",
    "images": "a glob, `axis=value`, `has:AXIS`, `recipe=`, `offered`, `charted`,"
    " `from-catalog=NAME` or `not TERM`",
    "recipes": "a glob, `feature=`, `from-catalog=NAME` or `not TERM`",
    "features": "a glob, `value=PATH`, `from-catalog=NAME` or `not TERM`",
}


@dataclass(frozen=True, kw_only=True)
class _Object:
    """What terms ask of one object."""

    name: str
    facts: Mapping[str, Collection[str]]
    cells: Sequence[Mapping[str, str]] = ()
    words: Collection[str] = ()
    former: Collection[str] = ()  # its names in catalogs below
    former_images: Collection[str] = ()  # those of its image


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with a term of a selector."""

    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The objects of a catalog before any patch. `own` is the name of the own catalog.

    `declared_in` returns the catalog of a folder, such as `images/base`. `accepted` are the names
    that patches selected when the catalog was locked, by the name of the patch.
    """

    matrix: Matrix
    recipes: Mapping[str, Recipe]
    charts: Mapping[str, ChartRecipe]
    upstream_charts: Mapping[str, UpstreamChartRecipe]
    features: Mapping[str, ChartFeature]
    expansion: Expansion
    document: Document
    own: str
    declared_in: Callable[[str], str]
    accepted: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of all objects of a kind."""
        return tuple(self._objects[kind])

    def problem(self, kind: str, selector: str) -> Problem | None:
        """Return what is wrong with a selector of a kind of objects, if something is."""
        axes = self.matrix.axes if kind in ("charts", "images") else ()
        for term in map(str.strip, selector.split(",")):
            match = _TERM.fullmatch(term)
            key = (match["axis"] or match["key"]) if match else ""
            if match is None or (key and key not in (*_KEYS[kind], *axes)):
                hint = did_you_mean(key, (*_KEYS[kind], *axes)) if key else ""
                forms = f"a selector is {_FORMS[kind]}; commas join terms"
                message = f"{term!r} selects by nothing known"
                return Problem(message=message, hint=hint or forms)
        return None

    def selected(self, kind: str, selectors: Sequence[str], said_at: Path) -> tuple[str, ...]:
        """Return the names of the objects of a kind that one of these selectors picks.

        Those that a catalog below says, at the path `said_at`, know objects by former names, too.
        """
        is_own = self.document.own(said_at) is not None
        return tuple(
            name
            for name, item in self._objects[kind].items()
            if any(
                all(_holds(term.strip(), item, is_own=is_own) for term in selector.split(","))
                for selector in selectors
            )
        )

    def near(self, kind: str, selector: str) -> str:
        """Return a hint about a selector that picks nothing."""
        term = selector.split(",", maxsplit=1)[0].strip()
        is_name = "=" not in term and ":" not in term
        called = self.document.called(kind, term)
        return called or (did_you_mean(term, self.names(kind)) if is_name else "")

    def features_of(self, chart: Chart) -> tuple[str, ...]:
        """Return the features of a chart: of its recipe, and its own."""
        recipe = self.charts.get(chart.recipe)
        names = dict.fromkeys((*(recipe.features if recipe else ()), *chart.features))
        return tuple(name for name in names if name not in chart.dropped)

    def paths_of(self, chart: Chart) -> dict[str, str]:
        """Return the paths of the values of a chart, and of those they had before, by path."""
        described = [
            self.features[name].values for name in self.features_of(chart) if name in self.features
        ]
        if chart.upstream is not None:
            described = [self.upstream_charts[chart.recipe].form]
        elif recipe := self.charts.get(chart.recipe):
            described.append(recipe.values)
        paths = {path: path for values in described for path in values}
        former = {
            old: path
            for values in described
            for path, spec in values.items()
            for old in spec.formerly or ()
        }
        return with_changes({**former, **paths}, chart)

    @cached_property
    def _objects(self) -> Mapping[str, Mapping[str, _Object]]:
        """What terms ask of each object, by kind and name."""
        return {
            kind: {item.name: item for item in found}
            for kind, found in (
                ("charts", self._charts()),
                ("images", self._images()),
                ("recipes", self._recipes()),
                ("features", self._features()),
            )
        }

    def _charts(self) -> Iterable[_Object]:
        for name, chart in self.matrix.all_charts.items():
            yield _Object(
                name=name,
                facts={
                    "recipe": (chart.recipe,),
                    "image": (chart.image,),
                    "feature": self.features_of(chart),
                    "value": self.paths_of(chart),
                    _CATALOG: (self._catalog_of("charts", name),),
                },
                cells=[item.values for item in self.expansion.charts.get(name, ())],
                former=self.document.former_names("charts", name),
                former_images=self.document.former_names("images", chart.image),
            )

    def _images(self) -> Iterable[_Object]:
        charted = {chart.image for chart in self.matrix.charts.values()}
        for name, image in self.matrix.images.items():
            is_word = {"offered": image.publish, "charted": name in charted}
            yield _Object(
                name=name,
                facts={
                    "recipe": (image.recipe,),
                    _CATALOG: (self._catalog_of("images", name),),
                },
                cells=[item.values for item in self.expansion.variants.get(name, ())],
                former=self.document.former_names("images", name),
                words=[word for word in _WORDS if is_word[word]],
            )

    def _recipes(self) -> Iterable[_Object]:
        matrix = self.matrix
        for name in self.recipes:
            used = {image.name for image in matrix.images.values() if image.recipe == name}
            charts = [chart for chart in matrix.charts.values() if chart.image in used]
            yield _Object(
                name=name,
                facts={
                    "feature": {item for chart in charts for item in self.features_of(chart)},
                    _CATALOG: (self.declared_in(f"images/{name}"),),
                },
            )

    def _features(self) -> Iterable[_Object]:
        for name, feature in self.features.items():
            former = {old for spec in feature.values.values() for old in spec.formerly or ()}
            yield _Object(
                name=name,
                facts={
                    "value": {*feature.values, *former},
                    _CATALOG: (self.declared_in(f"charts/features/{name}"),),
                },
            )

    def _catalog_of(self, section: str, name: str) -> str:
        return self.document.catalog_of((section, name)) or self.own


def with_changes(paths: Mapping[str, str], chart: Chart) -> dict[str, str]:
    """Return the paths of a chart's values, by which each is known, with what patches changed."""
    known = dict(paths)
    for item in chart.changes:
        if item.change is None:
            gone = [key for key, path in known.items() if is_inside(path, item.path)]
            known = {key: path for key, path in known.items() if key not in gone}
        elif item.change.path is not None:
            new = item.change.path
            known = {
                key: new + path.removeprefix(item.path) if is_inside(path, item.path) else path
                for key, path in known.items()
            }
            known |= {path: path for path in known.values()}
    return known


def is_inside(path: str, group: str) -> bool:
    """Whether a path is another one, or in it."""
    return path == group or path.startswith(f"{group}.")


def _holds(term: str, item: _Object, *, is_own: bool) -> bool:
    match = _TERM.fullmatch(term)
    if match is None:
        return False
    fits = _fits(match, item) or (not is_own and _fitted(match, item))
    return fits is (match["negation"] is None)


def _fitted(match: re.Match[str], item: _Object) -> bool:
    """Whether a term fits the names that an object has in catalogs below."""
    if match["key"] == "image":
        return match["value"] in item.former_images
    return bool(match["glob"]) and any(fnmatchcase(it, match["glob"]) for it in item.former)


def _fits(match: re.Match[str], item: _Object) -> bool:
    """Whether a term fits an object, without its `not`."""
    if match["axis"]:
        return any(match["axis"] in cell for cell in item.cells)
    if not match["key"]:
        is_word = match["glob"] in _WORDS and match["glob"] in item.words
        return is_word or fnmatchcase(item.name, match["glob"])
    if match["key"] in item.facts:
        return match["value"] in item.facts[match["key"]]
    return any(cell.get(match["key"]) == match["value"] for cell in item.cells)
