"""Reads matrix.yaml, recipe.yaml, chart.yaml and feature.yaml as models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Generic, TypeVar

from builder.catalog import yaml_document as documents
from builder.catalog.conditions import Removals, removed_values
from builder.catalog.constraints import ROLES
from builder.catalog.matrix import OF_ONE_CATALOG, repository_of
from builder.catalog.merge import Layer, MergedDocument, merge
from builder.catalog.models import (
    AxisValue,
    Chart,
    ChartFile,
    ChartRecipe,
    FeatureFile,
    Matrix,
    Path,
    RecipeFile,
    Settings,
    UpstreamChartFile,
    UpstreamChartRecipe,
)
from builder.catalog.recipe import URL, parse_condition, remote_file
from builder.catalog.renamed_keys import no_note, with_new_names
from builder.catalog.schema_check import validate
from builder.catalog.services import ServiceTable
from builder.catalog.tags import is_part
from builder.catalog.yaml_document import Document, without
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.text import did_you_mean, looks_like
from builder.oci.reference import check_registry
from builder.oci.reference import parse as parse_reference

_BRACE = re.compile(r"[{}]")
_RESERVED = ("charts", "releases")
CheckName = Callable[[str, Location], None]
File = TypeVar("File", ChartFile, UpstreamChartFile, FeatureFile)


@dataclass(frozen=True)
class SourceText:
    """A file as one catalog has it. `file` names it in errors, `catalog` the catalog.

    `left_out` are paths that do not count: another catalog says it.
    """

    catalog: str
    file: str
    text: str
    left_out: frozenset[Path] = frozenset()


Below = tuple[SourceText, ...]
"""A file as the catalogs have it that a catalog stands on, the lowest first."""


@dataclass(frozen=True, kw_only=True)
class ParsedMatrix:
    """A matrix, and the locations of its parts."""

    document: Document
    matrix: Matrix


def parse_matrix(
    text: str,
    file: str,
    note: Callable[[str], None] = no_note,
    below: Below = (),
    left_out: frozenset[Path] = frozenset(),
) -> tuple[ParsedMatrix | None, list[BuilderError]]:
    """Parse matrix.yaml. Broken YAML is raised; all other mistakes are returned together.

    `note` is called for each key that has another name now. `left_out` is as in SourceText.
    """
    texts = (*below, SourceText("", file, text, left_out))
    document, errors = document_of(texts, "matrix.yaml", Matrix, note)
    matrix, problems = validate(document, Matrix)
    errors += problems
    if matrix is None:
        return None, errors
    errors += (*_check(document, matrix), *_check_names(document, matrix))
    charts = {name: _with_locations(chart, document) for name, chart in matrix.charts.items()}
    errors += [error for chart in charts.values() for error in _check_upstream(chart)]
    upstream = {name: chart for name, chart in charts.items() if chart.upstream}
    own = {name: chart for name, chart in charts.items() if not chart.upstream}
    split = replace(matrix, charts=own, upstream_charts=upstream)
    return ParsedMatrix(document=document, matrix=split), errors


def _check_names(document: Document, matrix: Matrix) -> list[BuilderError]:
    """Return an error for each name that cannot be: by `as` of what no catalog below has, twice."""
    called = [("images", item.name, item.called) for item in matrix.images.values()]
    called += [("charts", item.name, item.called) for item in matrix.all_charts.values()]
    errors: list[BuilderError] = [
        ConfigError(
            f"{section.removesuffix('s')} {name!r} is declared here, and needs no `as`",
            hint=f"call it {new} at once; `as` is for what a catalog below declares",
            location=document.at_key((section, name, "as")),
        )
        for section, name, new in called
        if new and not isinstance(document, MergedDocument)
    ]
    names = list(matrix.all_charts)
    for name, chart in matrix.all_charts.items():
        for index, other in enumerate(chart.also):
            if other in names:
                message = f"chart {name} is also called {other!r}, as another chart is"
                location = document.at(("charts", name, "also", index))
                errors.append(ConfigError(message, hint="remove one of them", location=location))
            names.append(other)
    return errors


def _check_upstream(chart: Chart) -> list[BuilderError]:
    """Return an error for a chart of nothing, of both, or with what an upstream's cannot have."""
    if bool(chart.image) == (chart.upstream is not None):
        has = "both `image` and" if chart.image else "neither `image` nor"
        hint = "`image: IMAGE` runs one of ours, `upstream: {repository, name}` an upstream's chart"
        message = f"chart {chart.name} has {has} `upstream`"
        return [ConfigError(message, hint=hint, location=chart.at())]
    given = {"only": chart.only, "features": chart.features, "fixed": chart.fixed}
    return [
        ConfigError(
            f"chart {chart.name} is made of an upstream's, and has no `{key}`",
            hint=f"charts/{chart.recipe}/upstream.yaml says what is set of its values",
            location=chart.at(),
        )
        for key, value in given.items()
        if value and chart.upstream
    ]


def parse_recipe(
    text: str,
    file: str,
    axes: Mapping[str, tuple[AxisValue, ...]],
    note: Callable[[str], None] = no_note,
    check_ecosystem: CheckName | None = None,
    below: Below = (),
    removals: Removals | None = None,
) -> tuple[RecipeFile | None, list[BuilderError]]:
    """Parse recipe.yaml. Broken YAML is raised; all other mistakes are returned together.

    `check_ecosystem` raises ConfigError if no ecosystem has a name, which is at a location.

    A recipe serves catalogs that offer less than it knows: it may name axes and values that are
    not in `axes`, unless they look like an axis that is there, misspelled, or the value is one that
    `removals` knows: `text` is of the own catalog then.
    """
    document, errors = document_of(
        (*below, SourceText("", file, text)), "recipe.yaml", RecipeFile, note
    )
    recipe, problems = validate(document, RecipeFile)
    errors += problems
    if recipe is None:
        return None, errors
    for extra in recipe.when:
        path: Path = ("when", extra.condition)
        errors += check_condition(document, path, axes)
        if removals is not None and (location := document.own(path)):
            errors += removed_values(extra.condition, location, axes, removals)
    for index, axis in enumerate(recipe.needs):
        if axis not in axes:
            errors.append(_unknown_axis(axis, axes, document.at(("needs", index))))
    for axis in recipe.provides:
        if axis not in axes and looks_like(axis, axes):
            errors.append(_unknown_axis(axis, axes, document.at_key(("provides", axis))))
    blocks: dict[Path, Mapping[str, tuple[str, ...]]] = {("packages",): recipe.packages}
    blocks |= {("when", extra.condition, "packages"): extra.packages for extra in recipe.when}
    for path, packages in blocks.items():
        errors += check_packages(document, packages, path, check_ecosystem)
    return recipe, errors


def parse_chart(
    text: str, file: str, note: Callable[[str], None] = no_note, below: Below = ()
) -> tuple[ChartFile | None, list[BuilderError]]:
    """Parse chart.yaml. Broken YAML is raised; all other mistakes are returned together."""
    return _parse((*below, SourceText("", file, text)), "chart.yaml", ChartFile, note)


def parse_upstream(
    text: str, file: str, note: Callable[[str], None] = no_note, below: Below = ()
) -> tuple[UpstreamChartFile | None, list[BuilderError]]:
    """Parse upstream.yaml. Broken YAML is raised; all other mistakes are returned together."""
    return _parse((*below, SourceText("", file, text)), "upstream.yaml", UpstreamChartFile, note)


def parse_feature(
    text: str, file: str, note: Callable[[str], None] = no_note, below: Below = ()
) -> tuple[FeatureFile | None, list[BuilderError]]:
    """Parse feature.yaml. Broken YAML is raised; all other mistakes are returned together."""
    return _parse((*below, SourceText("", file, text)), "feature.yaml", FeatureFile, note)


def _parse(
    texts: Below, kind: str, model: type[File], note: Callable[[str], None]
) -> tuple[File | None, list[BuilderError]]:
    """Return a file whose mistakes are told at keys, and these. Broken YAML is raised."""
    document, errors = document_of(texts, kind, model, note)
    parsed, problems = validate(document, model, at_keys=True)
    return parsed, errors + problems


@lru_cache(maxsize=256)
def parse_feature_once(
    texts: Below,
) -> tuple[FeatureFile | None, tuple[BuilderError, ...], tuple[str, ...]]:
    """Parse feature.yaml once in a process: every catalog has those of the builder.

    Returns what `parse_feature` does, and its notes.
    """
    notes: list[str] = []
    *below, own = texts
    parsed, errors = parse_feature(own.text, own.file, notes.append, tuple(below))
    return parsed, tuple(errors), tuple(notes)


@lru_cache(maxsize=8)
def parse_services(text: str, file: str) -> tuple[ServiceTable | None, tuple[BuilderError, ...]]:
    """Parse services.yaml once in a process. Broken YAML is raised; other mistakes are returned."""
    document, errors = documents.load(text, file)
    table, problems = validate(document, ServiceTable)
    errors += problems
    if table is None:
        return None, tuple(errors)
    for service in table.services:
        location = document.at_key(("services", service.name))
        if not service.key.isidentifier():
            message = f"a template cannot read discovery.{service.key}"
            hint = "give the row a `value` of letters and digits, e.g. labelStudio"
            errors.append(ConfigError(message, hint=hint, location=location))
        if any("{{" in text for text in service.texts):
            message = f"a text of {service.name} has {{{{"
            hint = "a hole has one brace: {key}"
            errors.append(ConfigError(message, hint=hint, location=location))
    return replace(table, file=file), tuple(errors)


def document_of(
    texts: Below, kind: str, model: type, note: Callable[[str], None] = no_note
) -> tuple[Document, list[BuilderError]]:
    """Return a file of a catalog, laid over those that it stands on. Broken YAML is raised."""
    layers, errors = _layers(texts, kind, note)
    if len(layers) == 1:
        return layers[0].document, errors
    merged, problems = merge(layers, model, own_keys=OF_ONE_CATALOG)
    return merged, errors + problems


def layered(texts: Below, kind: str, model: type) -> MergedDocument:
    """Return a file that was read without a mistake, with where each of its values comes from."""
    return merge(_layers(texts, kind, no_note)[0], model, own_keys=OF_ONE_CATALOG)[0]


def _layers(
    texts: Below, kind: str, note: Callable[[str], None]
) -> tuple[list[Layer], list[BuilderError]]:
    errors: list[BuilderError] = []
    layers: list[Layer] = []
    for item in texts:
        document, problems = documents.load(item.text, item.file)
        document, more = with_new_names(document, kind, note)
        document = without(document, item.left_out)
        errors += [*problems, *more]
        layers.append(Layer(catalog=item.catalog, document=document))
    return layers, errors


def check_packages(
    document: Document,
    packages: Mapping[str, tuple[str, ...]],
    path: Path,
    check_ecosystem: CheckName | None,
) -> list[BuilderError]:
    """Return what is wrong with the packages at a path; see `parse_recipe`."""
    errors = _check_urls(document, packages, path)
    if check_ecosystem is not None:
        errors += _check_ecosystems(document, packages, path, check_ecosystem)
    return errors


def _check_urls(
    document: Document, packages: Mapping[str, tuple[str, ...]], path: Path
) -> list[BuilderError]:
    """Return an error for each file of the network that is named without its hash."""
    errors: list[BuilderError] = []
    for index, text in enumerate(packages.get(URL, ())):
        arch = "amd64" if "#amd64=" in text or "&amd64=" in text else "arm64"
        try:
            remote_file(text, arch)
        except ConfigError as error:
            message = error.message.removesuffix(f" for {arch}")
            location = document.at((*path, URL, index))
            errors.append(ConfigError(message, hint=error.hint, location=location))
    return errors


def _check_ecosystems(
    document: Document, packages: Iterable[str], path: Path, check: CheckName
) -> list[BuilderError]:
    """Return an error for each ecosystem that is named and not known."""
    errors: list[BuilderError] = []
    for name in packages:
        try:
            if name != URL:
                check(name, document.at_key((*path, name)))
        except ConfigError as error:
            errors.append(error)
    return errors


def check_condition(
    document: Document, path: Path, axes: Mapping[str, tuple[AxisValue, ...]]
) -> list[BuilderError]:
    """Return what is wrong with the condition that is the key at a path."""
    condition, location = str(path[-1]), document.at_key(path)
    try:
        terms = parse_condition(condition)
    except ValueError:
        hint = "write `axis`, `not axis`, `axis=value` or `axis@provider`, joined by commas"
        return [ConfigError(f"not a condition: {condition!r}", hint=hint, location=location)]
    return [
        _unknown_axis(term.axis, axes, location)
        for term in terms
        if term.axis not in axes and looks_like(term.axis, axes)
    ]


def _unknown_axis(axis: str, axes: Iterable[str], location: Location) -> ConfigError:
    hint = did_you_mean(axis, axes)
    return ConfigError(f"unknown axis {axis!r}", hint=hint, location=location)


def _check(document: Document, matrix: Matrix) -> list[BuilderError]:
    """Return what is wrong with a matrix and no type of a field tells."""
    errors: list[BuilderError] = []
    for name in matrix.images:
        is_base = any(value.sources for value in matrix.axes.get(name, ()))
        if name in _RESERVED or (is_base and matrix.images[name].upstream != name):
            message = f"an image cannot be called {name!r}: the catalog uses that repository itself"
            errors.append(ConfigError(message, location=document.at_key(("images", name))))
    errors += _check_repository(document, matrix.catalog.repository)
    errors += _check_registries(document, matrix.catalog)
    for axis in matrix.bump.axes:
        if axis not in matrix.axes:
            errors.append(_unknown_axis(axis, matrix.axes, document.at_key(("bump", "axes", axis))))
    for values in matrix.axes.values():
        for value in values:
            errors += _check_value(document, value)
    return errors


def _check_value(document: Document, value: AxisValue) -> list[BuilderError]:
    errors: list[BuilderError] = []
    above: Path = ("axes", value.axis, value.name)
    if value.name in ROLES:
        message = f"a value cannot be called {value.name!r}: lists of values mean another by it"
        hint = "give it another name, such as its release line"
        errors.append(ConfigError(message, hint=hint, location=document.at_key(above)))
    if value.tag and not is_part(value.tag):
        hint = "letters, digits, `.`, `_` and `-`, 127 at most; {version} is the exact version"
        message = f"{value.tag!r} cannot be part of a tag"
        errors.append(ConfigError(message, hint=hint, location=document.at((*above, "tag"))))
    for index, source in enumerate(value.sources):
        path: Path = (*above, "sources", index)
        if len(source.given) != 1:
            message = "a source is one of registry, bootstrap and image"
            errors.append(ConfigError(message, location=document.at(path)))
        elif source.registry is not None:
            errors += _check_reference(source.registry, document.at((*path, "registry")))
        elif source.image is not None:
            errors += _check_image_source(source.image, document.at((*path, "image")))
    return errors


def _check_image_source(text: str, location: Location) -> list[BuilderError]:
    errors = _check_reference(text, location)
    if not errors and (found := parse_reference(text)).name != text:
        message = f"{text!r} is no repository: it has a tag or a digest"
        hint = f"image: {found.name}; the value's name, or `release_line`, says how its tags begin"
        return [ConfigError(message, hint=hint, location=location)]
    return errors


def _check_reference(text: str, location: Location) -> list[BuilderError]:
    try:
        parse_reference(text)
    except BuilderError as error:
        return [ConfigError(error.message, hint=error.hint, location=location)]
    return []


def _check_registries(document: Document, settings: Settings) -> list[BuilderError]:
    """Return an error for each registry, and address of `embedded`, that is none."""
    names_by_path: dict[Path, str] = {("catalog", "embedded"): settings.embedded}
    for index, name in enumerate(settings.registries):
        if name != "embedded":
            names_by_path[("catalog", "registries", index)] = name
    errors: list[BuilderError] = []
    for path, name in names_by_path.items():
        try:
            check_registry(name)
        except BuilderError as error:
            location = document.at(path)
            errors.append(ConfigError(error.message, hint=error.hint, location=location))
    return errors


def _check_repository(document: Document, text: str) -> list[BuilderError]:
    """Return an error where the template of repositories lacks a field, or gives no reference."""
    location = document.at(("catalog", "repository"))
    missing = [field for field in ("{registry}", "{image}") if field not in text]
    if missing:
        return [ConfigError(f"repository lacks {field}", location=location) for field in missing]
    if _BRACE.search(text.replace("{registry}", "").replace("{image}", "")):
        hint = "its fields are {registry} and {image}"
        return [ConfigError(f"not a repository: {text!r}", hint=hint, location=location)]
    try:
        parse_reference(repository_of(text, registry="example.org", image="image"))
    except BuilderError as error:
        return [ConfigError(error.message, hint=error.hint, location=location)]
    return []


def _with_locations(chart: Chart, document: Document) -> Chart:
    above: Path = ("charts", chart.name)
    locations: dict[Path, Location] = {(): document.at_key(above)}
    for index, feature in enumerate(chart.features):
        locations[("features", feature)] = document.at((*above, "features", index))
    for key, paths in (("values", chart.values), ("fixed", chart.fixed)):
        for path in paths:
            locations[(key, path)] = document.at_key((*above, key, path))
    return replace(chart, locations=locations)


AnyChart = TypeVar("AnyChart", ChartRecipe, UpstreamChartRecipe)


@dataclass(frozen=True, kw_only=True)
class ChartKind(Generic[AnyChart]):
    """How the recipe of a chart is read: of one of ours, or of an upstream's."""

    file: str
    parse: Callable[..., tuple[ChartFile | UpstreamChartFile | None, list[BuilderError]]]
    read: type[AnyChart]

    @property
    def is_upstream(self) -> bool:
        """Whether it is an upstream's."""
        return self.read is UpstreamChartRecipe


CHARTS = ChartKind(file="chart.yaml", parse=parse_chart, read=ChartRecipe)
UPSTREAM_CHARTS = ChartKind(file="upstream.yaml", parse=parse_upstream, read=UpstreamChartRecipe)
