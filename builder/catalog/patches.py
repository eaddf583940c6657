"""Applies the patches of matrix.yaml to the charts that they select. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from builder.catalog.expansion import Expansion
from builder.catalog.models import Chart, ChartFeature, ChartRecipe, Matrix, Path
from builder.catalog.patch import Patch, PatchedValue, ValueChange
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, ConfigError
from builder.common.text import count, did_you_mean, listed

_FORMS = (
    "a selector is a glob, `axis=value`, `has:AXIS`, `recipe=`, `image=`, `feature=`, `value=PATH`,"
    " `from-catalog=NAME` or `not TERM`; commas join terms"
)
_TERM = re.compile(
    r"(?P<negation>not\s+)?"
    r"(?:has:(?P<axis>\S+)|(?P<key>[a-z][a-z0-9-]*)=(?P<value>\S+)|(?P<glob>[^\s=:]+))"
)
_ALIASES: Mapping[str, str] = {"from": "source"}


@dataclass(frozen=True, kw_only=True)
class Charts:
    """The charts of a catalog before any patch, and what selectors ask of them."""

    matrix: Matrix
    recipes: Mapping[str, ChartRecipe]
    features: Mapping[str, ChartFeature]
    expansion: Expansion
    document: Document
    own: str  # the name of the own catalog

    def features_of(self, chart: Chart) -> tuple[str, ...]:
        """Return the features of a chart: of its recipe, and its own."""
        recipe = self.recipes.get(chart.recipe)
        names = dict.fromkeys((*(recipe.features if recipe else ()), *chart.features))
        return tuple(name for name in names if name not in chart.dropped)

    def paths_of(self, chart: Chart) -> dict[str, str]:
        """Return the paths of the values of a chart, and of those they had before, by path."""
        recipe = self.recipes.get(chart.recipe)
        described = [
            self.features[name].values for name in self.features_of(chart) if name in self.features
        ]
        described += [recipe.values] if recipe else []
        paths = {path: path for values in described for path in values}
        former = {
            old: path
            for values in described
            for path, spec in values.items()
            for old in spec.formerly or ()
        }
        return {**former, **paths}

    def selected(self, selectors: Sequence[str]) -> list[str]:
        """Return the names of the charts that one of these selectors picks."""
        return [
            name
            for name, chart in self.matrix.charts.items()
            if any(
                all(self._holds(term.strip(), chart) for term in selector.split(","))
                for selector in selectors
            )
        ]

    def _holds(self, term: str, chart: Chart) -> bool:
        match = _TERM.fullmatch(term)
        return match is not None and self._fits(match, chart) is (match["negation"] is None)

    def _fits(self, match: re.Match[str], chart: Chart) -> bool:
        """Whether a term fits a chart, without its `not`."""
        variants = self.expansion.charts.get(chart.name, ())
        if match["axis"]:
            return any(match["axis"] in item.values for item in variants)
        if not match["key"]:
            return fnmatchcase(chart.name, match["glob"])
        facts: dict[str, Iterable[str]] = {
            "recipe": (chart.recipe,),
            "image": (chart.image,),
            "feature": self.features_of(chart),
            "value": self.paths_of(chart),
            "from-catalog": (self.document.catalog_of(("charts", chart.name)) or self.own,),
        }
        if match["key"] in facts:
            return match["value"] in facts[match["key"]]
        return any(item.values.get(match["key"]) == match["value"] for item in variants)


def patched(charts: Charts) -> tuple[dict[str, Chart], list[BuilderError]]:
    """Return the charts with all patches, in their order, and what is wrong with the patches."""
    patcher = _Patcher(charts)
    for patch in charts.matrix.patches.values():
        patcher.apply(patch)
    return patcher.patched, patcher.errors


class _Patcher:
    def __init__(self, charts: Charts) -> None:
        self._charts = charts
        self.patched = dict(charts.matrix.charts)
        self.errors: list[BuilderError] = []
        self._told: set[tuple[str, ...]] = set()
        self._said: dict[tuple[str, str, str], tuple[Patch, Any]] = {}

    def apply(self, patch: Patch) -> None:
        """Change what a patch selects."""
        if not self._selectors_are_right(patch):
            return
        excepted = set(self._charts.selected(patch.excepted))
        names = [name for name in self._charts.selected(patch.charts) if name not in excepted]
        if not self._is_expected(patch, names):
            return
        self._change_features(patch, names)
        for path, change in patch.values.items():
            self._change_value(patch, names, path, change)

    def _selectors_are_right(self, patch: Patch) -> bool:
        before = len(self.errors)
        axes = self._charts.matrix.axes
        keys = ("recipe", "image", "feature", "value", "from-catalog", *axes)
        for field, selectors in (("charts", patch.charts), ("except", patch.excepted)):
            for selector in selectors:
                for term in map(str.strip, selector.split(",")):
                    match = _TERM.fullmatch(term)
                    key = (match["axis"] or match["key"]) if match else ""
                    if match is None or (key and key not in keys):
                        hint = did_you_mean(key, keys) if key else ""
                        message = f"patch {patch.name!r}: {term!r} selects by nothing known"
                        self._fail("E-PATCH-SELECTOR", message, patch, (field,), hint or _FORMS)
        return len(self.errors) == before

    def _is_expected(self, patch: Patch, names: Sequence[str]) -> bool:
        if patch.expects(len(names)):
            return True
        if not names:
            plain = [item for item in patch.charts if "=" not in item]
            near = did_you_mean(plain[0], self._charts.matrix.charts) if plain else ""
            hint = near or "`expect: 0+` allows that"
            message = f"patch {patch.name!r} selects no chart"
            self._fail("E-PATCH-NOTHING", message, patch, ("charts",), hint)
            return False
        message = f"patch {patch.name!r} selects {count(len(names), 'chart')}, and expects"
        hint = f"it selects {listed(names)}"
        self._fail("E-PATCH-EXPECT", f"{message} {patch.expect}", patch, ("expect",), hint)
        return False

    def _change_features(self, patch: Patch, names: Sequence[str]) -> None:
        for index, feature in enumerate(patch.more_features):
            if feature in self._charts.features:
                self._add(patch, names, feature, ("features+", index))
            else:
                message = f"patch {patch.name!r}: unknown feature {feature!r}"
                hint = did_you_mean(feature, self._charts.features)
                self._fail("E-NAME-UNKNOWN", message, patch, ("features+", index), hint)
        for index, feature in enumerate(patch.fewer_features):
            self._drop(patch, names, feature, ("features-", index))

    def _add(self, patch: Patch, names: Sequence[str], feature: str, path: Path) -> None:
        """Give a feature to the charts that lack it."""
        location = self._charts.document.at(("patches", patch.name, *path))
        lacking = [name for name in names if feature not in self._features_of(name)]
        if names and not lacking:
            message = f"{self._each(patch, names)} has feature {feature!r} already"
            self._fail("E-PATCH-FEATURE", message, patch, path)
        for name in lacking:
            chart = self.patched[name]
            self.patched[name] = replace(
                chart,
                features=(*chart.features, feature),
                dropped=tuple(item for item in chart.dropped if item != feature),
                locations={**chart.locations, ("features", feature): location},
            )

    def _drop(self, patch: Patch, names: Sequence[str], feature: str, path: Path) -> None:
        """Take a feature from the charts that have it."""
        having = [name for name in names if feature in self._features_of(name)]
        if names and not having:
            known = dict.fromkeys(item for name in names for item in self._features_of(name))
            hint = did_you_mean(feature, known)
            message = f"{self._each(patch, names)} lacks feature {feature!r}"
            self._fail("E-PATCH-FEATURE", message, patch, path, hint)
        for name in having:
            chart = self.patched[name]
            self.patched[name] = replace(
                chart,
                features=tuple(item for item in chart.features if item != feature),
                dropped=(*chart.dropped, feature),
            )

    def _features_of(self, name: str) -> tuple[str, ...]:
        return self._charts.features_of(self.patched[name])

    @staticmethod
    def _each(patch: Patch, names: Sequence[str]) -> str:
        return f"patch {patch.name!r}: each of its {count(len(names), 'chart')}"

    def _change_value(
        self, patch: Patch, names: Sequence[str], path: str, change: ValueChange
    ) -> None:
        at: Path = ("patches", patch.name, "values", path)
        document = self._charts.document
        paths_by_chart = {name: self._charts.paths_of(self.patched[name]) for name in names}
        having = [name for name in names if path in paths_by_chart[name]]
        if not having and names:
            known = {known for paths in paths_by_chart.values() for known in paths}
            message = f"patch {patch.name!r}: none of its {count(len(names), 'chart')} has a value"
            hint = did_you_mean(path, sorted(known))
            self._fail("E-PATCH-VALUE", f"{message} {path}", patch, ("values", path), hint)
            return
        raw = document.data["patches"][patch.name]["values"][path] or {}
        cleared = tuple(_ALIASES.get(key, key) for key, value in raw.items() if value is None)
        change = replace(change, cleared=cleared)
        for name in having:
            item = PatchedValue(
                path=paths_by_chart[name][path],
                change=change,
                patch=patch.name,
                location=document.at_key(at),
            )
            self._check_other(patch, name, item)
            chart = self.patched[name]
            self.patched[name] = replace(chart, changes=(*chart.changes, item))

    def _check_other(self, patch: Patch, chart: str, item: PatchedValue) -> None:
        """Note that an earlier patch of the same catalog says otherwise of a value."""
        said = {
            field.name: getattr(item.change, field.name)
            for field in fields(item.change)
            if field.name not in ("more_onyxia", "cleared")
        }
        said = {key: value for key, value in said.items() if value is not None}
        said |= dict.fromkeys(item.change.cleared)
        for key, value in said.items():
            earlier, other = self._said.get((chart, item.path, key), (patch, value))
            told = (earlier.name, patch.name, item.path, key)
            is_otherwise = other != value and self._is_beside(earlier, patch)
            if is_otherwise and not patch.override and told not in self._told:
                self._told.add(told)
                where = self._charts.document.at_key(("patches", earlier.name))
                self.errors.append(
                    ConfigError(
                        f"patches {earlier.name!r} and {patch.name!r} say otherwise of {chart}:"
                        f" {item.path}.{key}",
                        hint=f"`override: true` in {patch.name}, if it is to count; the other one"
                        f" is at {where}",
                        location=item.location,
                        id="E-PATCH-AMBIGUOUS",
                    )
                )
            self._said[chart, item.path, key] = (patch, value)

    def _is_beside(self, one: Patch, other: Patch) -> bool:
        """Whether two patches are of the same catalog; else the upper one counts."""
        catalogs = [
            self._charts.document.catalog_of(("patches", patch.name)) for patch in (one, other)
        ]
        return catalogs[0] == catalogs[1]

    def _fail(self, id: str, message: str, patch: Patch, path: Path, hint: str = "") -> None:
        document, whole = self._charts.document, ("patches", patch.name, *path)
        location = document.at(whole) if isinstance(path[-1], int) else document.at_key(whole)
        self.errors.append(ConfigError(message, hint=hint, location=location, id=id))
