"""`matrix.yaml` and `recipe.yaml` to models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from builder.catalog import yaml_document as documents
from builder.catalog.models import (
    AxisValue,
    Chart,
    Image,
    Matrix,
    Network,
    Path,
    Pin,
    Retention,
    Source,
)
from builder.catalog.recipe import URL, parse_condition, remote_file
from builder.catalog.schema import (
    AxisValueSpec,
    CatalogSpec,
    ChartSpec,
    ImageSpec,
    MatrixSpec,
    NetworkSpec,
    PinSpec,
    RecipeSpec,
    SourceSpec,
)
from builder.catalog.schema_check import validate
from builder.catalog.tags import is_part
from builder.catalog.yaml_document import Document
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.text import did_you_mean, looks_like
from builder.oci.reference import check_registry
from builder.oci.reference import parse as parse_reference

_RESERVED = ("charts", "releases")


@dataclass(frozen=True, kw_only=True)
class MatrixFile:
    """A parsed matrix, and where its parts stand."""

    document: Document
    matrix: Matrix
    network: Network


@dataclass(frozen=True, kw_only=True)
class RecipeFile:
    """A parsed recipe, and where its parts stand."""

    document: Document
    spec: RecipeSpec


def parse_matrix(text: str, file: str) -> tuple[MatrixFile | None, list[BuilderError]]:
    """Parse matrix.yaml. Broken YAML is raised; all other mistakes come back together."""
    document, errors = documents.load(text, file)
    spec, problems = validate(document, MatrixSpec)
    errors += problems
    if spec is None:
        return None, errors
    errors += _check(document, spec)
    network = _network(spec.network)
    return MatrixFile(document=document, matrix=_matrix(spec, document), network=network), errors


def parse_recipe(
    text: str, file: str, axes: Mapping[str, tuple[AxisValue, ...]]
) -> tuple[RecipeFile | None, list[BuilderError]]:
    """Parse recipe.yaml.

    A recipe serves catalogs that offer less than it knows: it may name axes and values that are
    not in `axes`, unless they look like one that is there, misspelled.
    """
    document, errors = documents.load(text, file)
    spec, problems = validate(document, RecipeSpec)
    errors += problems
    if spec is None:
        return None, errors
    for condition in spec.when:
        errors += _check_condition(document, condition, axes)
    for index, axis in enumerate(spec.needs):
        if axis not in axes:
            errors.append(_unknown_axis(axis, axes, document.at(("needs", index))))
    for axis in spec.provides:
        if axis not in axes and looks_like(axis, axes):
            errors.append(_unknown_axis(axis, axes, document.at_key(("provides", axis))))
    errors += _check_urls(document, spec.packages, ("packages",))
    for condition, extra in spec.when.items():
        errors += _check_urls(document, extra.packages, ("when", condition, "packages"))
    return RecipeFile(document=document, spec=spec), errors


def _check_urls(
    document: Document, packages: Mapping[str, list[str]], path: Path
) -> list[BuilderError]:
    """A file of the network stands there with its hash."""
    errors: list[BuilderError] = []
    for index, text in enumerate(packages.get(URL, ())):
        arch = "amd64" if "#amd64=" in text or "&amd64=" in text else "arm64"
        try:
            remote_file(text, arch)
        except ConfigError as error:
            message = f"{text.partition('#')[0]} has no hash"
            place = document.at((*path, URL, index))
            errors.append(ConfigError(message, hint=error.hint, location=place))
    return errors


def _check_condition(
    document: Document, condition: str, axes: Mapping[str, tuple[AxisValue, ...]]
) -> list[BuilderError]:
    place = document.at_key(("when", condition))
    try:
        terms = parse_condition(condition)
    except ValueError:
        hint = "write `axis`, `not axis`, `axis=value` or `axis@provider`, joined by commas"
        return [ConfigError(f"not a condition: {condition!r}", hint=hint, location=place)]
    return [
        _unknown_axis(term.axis, axes, place)
        for term in terms
        if term.axis not in axes and looks_like(term.axis, axes)
    ]


def _unknown_axis(axis: str, axes: Iterable[str], place: Location) -> ConfigError:
    hint = did_you_mean(axis, axes)
    return ConfigError(f"unknown axis {axis!r}", hint=hint, location=place)


def _check(document: Document, spec: MatrixSpec) -> list[BuilderError]:
    """What a schema cannot say of the file by itself."""
    errors: list[BuilderError] = []
    for name in spec.images:
        is_base = any(value.sources for value in spec.axes.get(name, {}).values())
        if name in _RESERVED or is_base:
            errors.append(
                ConfigError(
                    f"an image may not be called {name!r}: its repository is the catalog's own",
                    location=document.at_key(("images", name)),
                )
            )
    errors += _check_repository(document, spec.catalog.repository)
    errors += _check_registries(document, spec.catalog)
    for axis, values in spec.axes.items():
        for name, value in values.items():
            path: Path = ("axes", axis, name, "tag")
            if value.tag and not is_part(value.tag):
                hint = (
                    "letters, digits, `.`, `_` and `-`, 127 at most; {version} is the exact version"
                )
                message = f"{value.tag!r} cannot be part of a tag"
                errors.append(ConfigError(message, hint=hint, location=document.at(path)))
            for index, source in enumerate(value.sources):
                if (source.registry is None) == (source.bootstrap is None):
                    path = ("axes", axis, name, "sources", index)
                    errors.append(
                        ConfigError(
                            "a source is one of registry and bootstrap", location=document.at(path)
                        )
                    )
                elif source.registry is not None:
                    path = ("axes", axis, name, "sources", index, "registry")
                    errors += _check_reference(source.registry, document.at(path))
    return errors


def _check_reference(text: str, place: Location) -> list[BuilderError]:
    try:
        parse_reference(text)
    except BuilderError as error:
        return [ConfigError(error.message, hint=error.hint, location=place)]
    return []


def _check_registries(document: Document, spec: CatalogSpec) -> list[BuilderError]:
    """Each registry must be one, as the address of `embedded` must."""
    places: dict[Path, str] = {("catalog", "embedded"): spec.embedded}
    for index, name in enumerate(spec.registries):
        if name != "embedded":
            places[("catalog", "registries", index)] = name
    errors: list[BuilderError] = []
    for path, name in places.items():
        try:
            check_registry(name)
        except BuilderError as error:
            place = document.at(path)
            errors.append(ConfigError(error.message, hint=error.hint, location=place))
    return errors


def _check_repository(document: Document, text: str) -> list[BuilderError]:
    """The template of repositories must have both fields, no other, and give a reference."""
    place = document.at(("catalog", "repository"))
    missing = [field for field in ("{registry}", "{image}") if field not in text]
    if missing:
        return [ConfigError(f"repository lacks {field}", location=place) for field in missing]
    try:
        parse_reference(text.format(registry="example.org", image="image"))
    except BuilderError as error:
        return [ConfigError(error.message, hint=error.hint, location=place)]
    except (KeyError, IndexError, ValueError, AttributeError):
        hint = "its fields are {registry} and {image}"
        return [ConfigError(f"not a repository: {text!r}", hint=hint, location=place)]
    return []


def _matrix(spec: MatrixSpec, document: Document) -> Matrix:
    return Matrix(
        name=spec.catalog.name,
        repository=spec.catalog.repository,
        registries=tuple(spec.catalog.registries),
        embedded=spec.catalog.embedded,
        platforms=tuple(spec.catalog.platforms),
        default_platform=spec.catalog.platforms[0],
        axes={
            axis: tuple(_value(axis, name, value) for name, value in values.items())
            for axis, values in spec.axes.items()
        },
        images={name: _image(name, image) for name, image in spec.images.items()},
        charts={name: _chart(name, chart, document) for name, chart in spec.charts.items()},
        retention=Retention(**spec.retention.model_dump()),
    )


def _image(name: str, spec: ImageSpec) -> Image:
    return Image(
        name=name,
        recipe=spec.recipe or name,
        parent=spec.from_,
        axes=tuple(spec.axes),
        only=_constraint(spec.only),
        exclude=tuple(_constraint(item) for item in spec.exclude),
        inputs=tuple(spec.inputs),
        platforms=tuple(spec.platforms),
        untagged=tuple(spec.untagged),
        publish=spec.publish,
        hold=_pin(spec.hold) if spec.hold else None,
    )


def _pin(spec: PinSpec) -> Pin:
    kinds = {"apt": spec.apt, "pip": spec.pip, "r": spec.r, "julia": spec.julia}
    return Pin(
        packages={ecosystem: dict(items) for ecosystem, items in kinds.items() if items},
        reason=spec.reason,
        until=spec.until,
    )


def _chart(name: str, spec: ChartSpec, document: Document) -> Chart:
    above: Path = ("charts", name)
    places: dict[Path, Location] = {(): document.at_key(above)}
    for index, feature in enumerate(spec.features):
        places[("features", feature)] = document.at((*above, "features", index))
    for path in spec.values:
        places[("values", path)] = document.at_key((*above, "values", path))
    return Chart(
        name=name,
        recipe=spec.recipe or name,
        image=spec.image,
        only=_constraint(spec.only),
        features=tuple(spec.features),
        values=dict(spec.values),
        places=places,
    )


def _value(axis: str, name: str, spec: AxisValueSpec) -> AxisValue:
    return AxisValue(
        axis=axis,
        name=name,
        tag=spec.tag,
        eol=spec.eol,
        provider=spec.provider,
        line=spec.line,
        platforms=tuple(spec.platforms),
        requires=_constraint(spec.requires),
        only=_constraint(spec.only),
        sources=tuple(_source(source) for source in spec.sources),
    )


def _source(spec: SourceSpec) -> Source:
    if spec.registry is not None:
        return Source(kind="registry", value=spec.registry)
    return Source(kind="bootstrap", value=spec.bootstrap or "")


def _constraint(spec: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {axis: tuple(names) for axis, names in spec.items()}


def _network(spec: NetworkSpec) -> Network:
    return Network(
        ca=spec.ca,
        http_proxy=spec.proxy.http,
        https_proxy=spec.proxy.https,
        no_proxy=spec.proxy.none,
        mirrors=dict(spec.mirrors),
    )
