"""The shape of `matrix.yaml` and `recipe.yaml`. The JSON schemas for editors come from here."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from builder.catalog.models import Retention
from builder.common.text import size

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=46)]
AxisName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$")]
ValueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._]*$")]
PLATFORM = r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$"
PlatformName = Annotated[str, StringConstraints(pattern=PLATFORM)]
Port = Annotated[int, Field(ge=1, le=65535)]
PathGlob = Annotated[str, StringConstraints(pattern=r"^/")]
_LIMIT = r"([<>]=?|[=!]=) ?[0-9][0-9.-]*"
RLimit = Annotated[str, StringConstraints(pattern=rf"^{_LIMIT}(, ?{_LIMIT})*$")]
Reason = Annotated[str, StringConstraints(min_length=1)]


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str | int | float) else value


def _empty(value: Any) -> Any:
    return {} if value is None else value


def _day(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a date: write YYYY-MM-DD")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError(f"not a date: {value!r}; write YYYY-MM-DD") from None


def _size(value: Any) -> int:
    if not isinstance(value, str) or not _SIZE.fullmatch(value):
        raise ValueError(f"not a size: {value!r}; write e.g. 60 MB or 1.5 GB")
    return size(value)


_SIZE = re.compile(r"(\d+(?:\.\d+)?) (MB|GB)")
OneOrMany = Annotated[
    list[str],
    BeforeValidator(_many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Constraint = dict[str, OneOrMany]
Day = Annotated[str, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Size = Annotated[
    int, PlainValidator(_size), WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$"})
]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SourceSpec(_Spec):
    """One place that a base can come from."""

    registry: str | None = Field(
        None, description="an image, e.g. docker.io/library/debian:trixie-slim"
    )
    bootstrap: str | None = Field(None, description="a suite of Debian, e.g. trixie")


class AxisValueSpec(_Spec):
    """A release line: one value of an axis."""

    provider: Name | None = Field(None, description="where its packages come from, e.g. apt")
    line: str = Field("", description="what the provider calls it, where that is not its name")
    platforms: list[PlatformName] = Field([], description="the only platforms that have it")
    requires: Constraint = Field({}, description="values of other axes that it needs")
    only: Constraint = Field({}, description="values of other axes that it is combined with")
    tag: str | None = Field(
        None, description="its part of a tag; {version} is the exact version; -x goes last"
    )
    eol: Day | None = Field(None, description="the last day on which it is built, YYYY-MM-DD")
    sources: list[SourceSpec] = Field([], description="where a base comes from, best first")


# Preferences of apt hold them: a name must be no pattern there, and neither may end its line.
AptName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]*$")]
AptVersion = Annotated[str, StringConstraints(pattern=r"^\S+$")]


class PinSpec(_Spec):
    """Packages that are pinned to certain versions, for a reason and until a day."""

    apt: dict[AptName, AptVersion] = Field(
        {}, description="a version by package, e.g. git: '1:2.47*'"
    )
    pip: dict[str, str] = Field({}, description="a limit by package, e.g. lxml: '>=5.3.1'")
    r: dict[str, RLimit] = Field({}, description="a limit by package, e.g. dplyr: '>= 1.1, < 2'")
    julia: dict[str, str] = Field({}, description="as in [compat], e.g. CSV: '~0.10.14'")
    reason: Reason = Field(description="why they are pinned")
    until: Day = Field(description="when to look whether it is still needed, YYYY-MM-DD")


class ImageSpec(_Spec):
    """A recipe on a parent."""

    from_: Name = Field(alias="from", description="the parent image, or an axis for a root image")
    recipe: Name | None = Field(None, description="a folder under images/; the image's name")
    axes: list[str] = Field([], description="the axes that it adds to its parent's")
    only: Constraint = Field({}, description="keep the variants with these values")
    exclude: list[Constraint] = Field([], description="drop the variants that match one of these")
    inputs: list[str] = Field([], description="images that it copies files from")
    platforms: list[PlatformName] = Field([], description="the only platforms that it is built for")
    untagged: list[str] = Field([], description="axes that its tags leave out")
    publish: bool = Field(default=True, description="false: built and tested, never released")
    hold: PinSpec | None = Field(
        None, description="versions that it and its descendants are pinned to"
    )


class ChartSpec(_Spec):
    """A chart recipe on the variants of an image."""

    recipe: Name | None = Field(None, description="a folder under charts/; the chart's name")
    image: Name = Field(description="the image whose variants it offers")
    only: Constraint = Field({}, description="offer the variants with these values")
    features: list[str] = Field([], description="features beside those of the recipe")
    values: dict[str, Any] = Field({}, description="other defaults of its values, by path")


class CatalogSpec(_Spec):
    """What holds for all images and charts."""

    name: Name = Field(description="what the catalog is called")
    repository: str = Field("{registry}/{image}", description="the repository of an image")
    registries: Annotated[list[str], Field(min_length=1)] = Field(
        ["embedded"], description="where images go; the first is the one that charts name"
    )
    embedded: str = Field("127.0.0.1:5005", description="the address of the registry `embedded`")
    platforms: Annotated[list[PlatformName], Field(min_length=1)] = Field(
        ["linux/amd64"], description="the platforms that images are built for, e.g. linux/arm64"
    )


class ProxySpec(_Spec):
    """Proxies of builds."""

    http: str = Field(default="", description="the proxy of http:// addresses")
    https: str = Field(default="", description="the proxy of https:// addresses")
    none: str = Field(default="", description="hosts that are reached directly, joined by commas")


class NetworkSpec(_Spec):
    """How builds reach the network; `${NAME}` is taken from the environment."""

    ca: str = Field(
        default="", description="a bundle of certificates that builds trust besides their own"
    )
    proxy: ProxySpec = Field(default=ProxySpec(), description="instead of those of the environment")
    mirrors: dict[str, str] = Field(
        default={},
        description="by name of a source (pip, npm, julia, …), or by the start of a URL of apt",
    )


class RetentionSpec(_Spec):
    """What `builder prune` keeps besides the current release, and what it names."""

    weeks: int = Field(
        default=Retention.weeks, ge=1, description="every release of so many last weeks"
    )
    months: int = Field(
        default=Retention.months, ge=0, description="the last release of so many last months"
    )
    retired: int = Field(
        default=Retention.retired,
        ge=0,
        description="days for which the tags of a release line that ended stay",
    )


class MatrixSpec(_Spec):
    """matrix.yaml: what an organisation offers."""

    catalog: CatalogSpec = Field(description="what holds for all images and charts")
    network: NetworkSpec = Field(default=NetworkSpec(), description="how the network is reached")
    retention: RetentionSpec = Field(
        default=RetentionSpec(), description="what `builder prune` keeps"
    )
    axes: dict[AxisName, dict[ValueName, Annotated[AxisValueSpec, BeforeValidator(_empty)]]] = (
        Field(description="release lines by axis, in order of preference; the first is the default")
    )
    images: dict[Name, ImageSpec] = Field(description="what is built, by name")
    charts: dict[Name, ChartSpec] = Field(default={}, description="what is launched, by name")


class WhenSpec(_Spec):
    """What a recipe adds in some variants."""

    packages: dict[Name, list[str]] = Field({}, description="more packages, by ecosystem")
    budget: Size = Field(0, description="compressed size that these add, e.g. 60 MB")


class RecipeSpec(_Spec):
    """recipe.yaml: one way to make an image out of its parent."""

    summary: str = Field(description="one line, for people")
    needs: list[str] = Field([], description="axes that its parent must have")
    budget: Size = Field(0, description="compressed size that it may add to its parent, e.g. 60 MB")
    packages: dict[Name, list[str]] = Field({}, description="by ecosystem: apt, pip, …")
    when: dict[str, WhenSpec] = Field(
        {}, description="more, by condition: `r`, `not python`, `debian=12`, `r@apt`; commas join"
    )
    unreproducible: dict[PathGlob, Reason] = Field(
        {}, description="files that two builds may differ in, by path: why"
    )
    provides: dict[AxisName, dict[Name, dict[str, str]]] = Field(
        {}, description="for an axis, by provider: where its exact version is read"
    )
    ports: list[Port] = Field([], description="TCP ports that its service listens on")
    command: list[str] = Field([], description="how its service is started")


SCHEMAS: dict[str, type[BaseModel]] = {
    "matrix.schema.json": MatrixSpec,
    "recipe.schema.json": RecipeSpec,
}


def json_schema(name: str) -> str:
    """The text of one of SCHEMAS, as it is committed under builder/catalog/."""
    schema = SCHEMAS[name].model_json_schema(by_alias=True)
    own = {"^x-": {"description": "the author's own, e.g. for anchors: it is not read"}}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    schema["patternProperties"] = own
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
