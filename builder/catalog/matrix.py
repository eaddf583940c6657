"""matrix.yaml: each key is declared, checked and described here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from builder.catalog.charts import Head, Headed
from builder.catalog.ecosystem import MirrorVariable
from builder.catalog.fields import (
    KEY_IF_MISSING,
    NOT_IN_FILE,
    AxisName,
    Constraint,
    FileModel,
    Flag,
    Name,
    Path,
    PlatformName,
    ValueName,
    as_tuple,
    days_after,
    named,
    named_by_key,
    text_as,
)
from builder.catalog.patch import Narrowing, Patch, PatchedValue
from builder.catalog.policies import Bump, LockSettings, Offer, Pin, Retention, StandsOn, Trust
from builder.catalog.release_line import AxisValue
from builder.catalog.security import Security
from builder.catalog.sources import UpstreamChart
from builder.common.errors import Location

OF_ONE_CATALOG = ("extends", "builder", "tests")
"""Keys of matrix.yaml that say something of one catalog: those below say it for themselves."""


@dataclass(frozen=True, kw_only=True)
class Input(FileModel):
    """An image that another one copies files from."""

    image: Annotated[str, Field(description="the image")]
    optional: Annotated[
        Flag, Field(description="true: as long as it is not locked, the other is built without it")
    ] = False
    name: Annotated[
        Name | Literal[""],
        Field(description="what the Dockerfile calls it, where that is not the name of the image"),
    ] = ""

    @property
    def called(self) -> str:
        """What the Dockerfile calls it."""
        return self.name or self.image


@dataclass(frozen=True, kw_only=True)
class Image(FileModel):
    """A recipe on a parent, or an upstream's image as it is."""

    name: Annotated[str, NOT_IN_FILE]
    called: Annotated[
        Name | None,
        Field(alias="as", description="its name here, of what a catalog below calls otherwise"),
    ] = None
    origin: Annotated[
        Name | None,
        Field(alias="from", description="the parent image, or an axis for a root image"),
    ] = None
    upstream: Annotated[
        Name | None,
        Field(
            description="instead of `from`: the axis whose images of an upstream are mirrored bit"
            " for bit, tested and never built"
        ),
    ] = None
    recipe: Annotated[
        Name, KEY_IF_MISSING, Field(description="a folder under images/; the image's name")
    ] = ""
    axes: Annotated[
        tuple[str, ...], Field(description="the axes that it adds to its parent's")
    ] = ()
    only: Annotated[Constraint, Field(description="keep the variants with these values")] = field(
        default_factory=dict
    )
    exclude: Annotated[
        tuple[Constraint, ...], Field(description="drop the variants that match one of these")
    ] = ()
    inputs: Annotated[
        tuple[Annotated[Input, text_as("image", Input)], ...],
        Field(description="images that it copies files from; `{image: NAME, optional: true}`"),
    ] = ()
    platforms: Annotated[
        tuple[PlatformName, ...], Field(description="the only platforms that it is built for")
    ] = ()
    untagged: Annotated[tuple[str, ...], Field(description="axes that its tags leave out")] = ()
    publish: Annotated[Flag, Field(description="false: built and tested, never released")] = True
    top: Annotated[
        tuple[Name, ...],
        Field(
            description="recipes on what is offered of it, one on the other; what stands on the"
            " image has none of them"
        ),
    ] = ()
    pin: Annotated[
        Pin | None, Field(description="versions that it and its descendants are pinned to")
    ] = None
    lock: Annotated[
        Literal["inherit", "own"],
        Field(description="own: it is locked here, though a catalog below has locked it"),
    ] = "inherit"
    narrowed: Annotated[tuple[Narrowing, ...], NOT_IN_FILE] = ()
    """What patches leave of its variants."""

    @property
    def parent(self) -> str:
        """What it is built on: an image, or the axis of a root image; "" where it is mirrored."""
        return self.origin or ""

    @property
    def root_axis(self) -> str:
        """The axis that it comes from, if it is a root image."""
        return self.upstream or self.parent

    @property
    def is_mirrored(self) -> bool:
        """Whether it is an upstream's image as it is."""
        return self.upstream is not None


@dataclass(frozen=True, kw_only=True)
class Chart(FileModel):
    """A chart recipe on the variants of an image, or on a chart of an upstream."""

    name: Annotated[str, NOT_IN_FILE]
    called: Annotated[
        Name | None,
        Field(alias="as", description="its name here, of what a catalog below calls otherwise"),
    ] = None
    also: Annotated[
        tuple[Name, ...],
        Field(description="further names by which it is published, marked as deprecated"),
    ] = ()
    recipe: Annotated[
        Name, KEY_IF_MISSING, Field(description="a folder under charts/; the chart's name")
    ] = ""
    image: Annotated[Name, Field(description="the image whose variants it offers")] = ""
    upstream: Annotated[
        UpstreamChart | None,
        Field(description="instead of `image`: the chart of an upstream that it is made of"),
    ] = None
    only: Annotated[Constraint, Field(description="offer the variants with these values")] = field(
        default_factory=dict
    )
    head: Annotated[
        Head | None, Field(description="what it says of itself in Chart.yaml, otherwise")
    ] = None
    features: Annotated[
        tuple[str, ...], Field(description="features beside those of the recipe")
    ] = ()
    values: Annotated[
        Mapping[str, Any],
        Field(
            description="other defaults of its values, by path; or mappings of what else is to be"
            " said of a value, as in patches"
        ),
    ] = field(default_factory=dict)
    fixed: Annotated[
        Mapping[str, Any],
        Field(
            description="what its values are, by path: no form shows them, and Helm takes nothing"
            " else",
            examples=[{"kubernetes.role": "view"}],
        ),
    ] = field(default_factory=dict)
    is_deprecated: Annotated[bool, NOT_IN_FILE] = False
    """Whether this is a further name of a chart."""
    dropped: Annotated[tuple[str, ...], NOT_IN_FILE] = ()
    """The features of its recipe that patches take away."""
    changes: Annotated[tuple[PatchedValue, ...], NOT_IN_FILE] = ()
    """What patches say of its values, in their order."""
    heads: Annotated[tuple[Head, ...], NOT_IN_FILE] = ()
    """What patches say of its head, in their order."""
    narrowed: Annotated[tuple[Narrowing, ...], NOT_IN_FILE] = ()
    """What patches leave of its variants."""
    locations: Annotated[Mapping[Path, Location], NOT_IN_FILE] = field(
        default_factory=dict, compare=False, repr=False
    )
    """Where `()`, `("features", NAME)`, `("values", PATH)` and `("fixed", PATH)` are, if known."""

    def at(self, *path: str) -> Location:
        """Return where a part of this chart is declared in the matrix."""
        return self.locations.get(path, Location(file="matrix.yaml"))

    def headed(self, recipe: Headed, icons: str = "") -> Headed:
        """Return a chart recipe with what patches, and then the chart's own line, say of it.

        `icons` is the start of the URL of its icon, where that is not the recipe's.
        """
        if icons and recipe.icon:
            file = recipe.icon.partition("?")[0].rpartition("/")[2]
            recipe = replace(recipe, icon=f"{icons.removesuffix('/')}/{file}")
        for head in (*self.heads, *((self.head,) if self.head else ())):
            recipe = head.apply(recipe)
        return recipe


@dataclass(frozen=True, kw_only=True)
class Branding(FileModel):
    """How what is offered looks."""

    icons: Annotated[
        str,
        Field(
            description="the start of the URL of each icon, before the name of its file; an icon of"
            " `head` stays as it is",
            pattern="^https?://",
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class Settings(FileModel):
    """What holds for all images and charts."""

    name: Annotated[Name, Field(description="what the catalog is called")]
    repository: Annotated[str, Field(description="the repository of an image")] = (
        "{registry}/{image}"
    )
    registries: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="where images go; the first is the one that charts name",
        ),
    ] = ("embedded",)
    embedded: Annotated[str, Field(description="the address of the registry `embedded`")] = (
        "127.0.0.1:5005"
    )
    platforms: Annotated[
        tuple[PlatformName, ...],
        Field(
            min_length=1,
            description="the platforms that images are built for, e.g. linux/arm64",
        ),
    ] = ("linux/amd64",)
    sudo: Annotated[
        Flag, Field(description="true: images in which a session may become root by `sudo`")
    ] = False
    chart_tests: Annotated[
        str,
        Field(
            description="what charts are run with: `podman` here, or the `cluster` of KUBECONFIG"
        ),
    ] = "podman"
    branding: Annotated[
        Branding | None, Field(description="how what is offered looks, otherwise than below")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Proxy(FileModel):
    """Proxies of builds."""

    http: Annotated[str, Field(description="the proxy of http:// addresses")] = ""
    https: Annotated[str, Field(description="the proxy of https:// addresses")] = ""
    none: Annotated[str, Field(description="hosts that are reached directly, joined by commas")] = (
        ""
    )


@dataclass(frozen=True, kw_only=True)
class Network(FileModel):
    """How builds reach the network; `${NAME}` is taken from the environment."""

    ca: Annotated[
        str, Field(description="a bundle of certificates that builds trust besides their own")
    ] = ""
    proxy: Annotated[Proxy, Field(description="instead of those of the environment")] = Proxy()
    mirrors: Annotated[
        Mapping[str, str],
        Field(
            description="by name of a source (pip, npm, julia, …), or by the start of a URL of apt"
        ),
    ] = field(default_factory=dict)
    trust: Annotated[tuple[str, ...], NOT_IN_FILE] = ()
    """Files and folders of certificates that the builder itself trusts beside `ca`."""
    variables: Annotated[tuple[MirrorVariable, ...], NOT_IN_FILE] = ()
    """The variables by which programs in an image find mirrors."""


def _name_values(axes: Any) -> Any:
    """Put the names of axes and values into the values; one that is null says nothing."""
    if not isinstance(axes, Mapping):
        return axes
    return {
        axis: {
            name: named({} if value is None else value, axis=axis, name=name)
            for name, value in values.items()
        }
        if isinstance(values, Mapping)
        else values
        for axis, values in axes.items()
    }


@dataclass(frozen=True, kw_only=True)
class Matrix(FileModel):
    """matrix.yaml: what an organisation offers."""

    builder: Annotated[
        str, Field(description='the versions of the builder that it is for, e.g. ">=0.2,<0.3"')
    ] = ""
    extends: StandsOn = ()
    tests: Annotated[
        Literal["inherit", "own"],
        Field(
            description="inherit: the tests of the catalogs below run, too; own: those of this one"
            " alone"
        ),
    ] = "inherit"
    catalog: Annotated[Settings, Field(description="what holds for all images and charts")]
    network: Annotated[Network, Field(description="how the network is reached")] = Network()
    trust: Annotated[
        Trust, Field(description="who signs, and whose signatures are believed: see trust.md")
    ] = field(default_factory=Trust)
    lock: Annotated[LockSettings, Field(description="how versions are chosen")] = field(
        default_factory=LockSettings
    )
    retention: Annotated[Retention, Field(description="what `builder prune` keeps")] = field(
        default_factory=Retention
    )
    offer: Annotated[
        Offer | None,
        Field(description="what is offered, where that is not all: it leaves out all else"),
    ] = None
    patches: Annotated[
        Mapping[Name, Patch],
        named_by_key("name"),
        Field(description="changes of all objects that a selector picks, by name"),
    ] = field(default_factory=dict)
    bump: Annotated[Bump, Field(description="how release lines come and go")] = field(
        default_factory=Bump
    )
    security: Annotated[Security, Field(description="what is done about known vulnerabilities")] = (
        field(default_factory=Security)
    )
    axes: Annotated[
        Mapping[AxisName, Annotated[tuple[AxisValue, ...], as_tuple(ValueName, AxisValue)]],
        BeforeValidator(_name_values),
        Field(
            description="release lines by axis, in order of preference; the first is the default"
        ),
    ]
    images: Annotated[
        Mapping[Name, Image],
        named_by_key("name", "recipe"),
        Field(description="what is built, by name"),
    ]
    charts: Annotated[
        Mapping[Name, Chart],
        named_by_key("name", "recipe"),
        Field(description="what is launched, by name"),
    ] = field(default_factory=dict)
    upstream_charts: Annotated[Mapping[str, Chart], NOT_IN_FILE] = field(default_factory=dict)
    """Those of the charts that are made of an upstream's: `charts` has the others."""
    matched: Annotated[Mapping[str, tuple[str, ...]], NOT_IN_FILE] = field(default_factory=dict)
    """The names of what each patch selects, by the name of the patch."""
    chosen_platforms: Annotated[tuple[str, ...], NOT_IN_FILE] = ()
    """Those that are asked for, where that is not all that the catalog has."""

    @property
    def name(self) -> str:
        """What the catalog is called."""
        return self.catalog.name

    @property
    def icons(self) -> str:
        """The start of the URL of each icon, "" for those of the recipes."""
        return self.catalog.branding.icons if self.catalog.branding else ""

    @property
    def all_charts(self) -> Mapping[str, Chart]:
        """What is launched, by name."""
        return {**self.charts, **self.upstream_charts}

    @property
    def registries(self) -> tuple[str, ...]:
        """Where images go."""
        return self.catalog.registries

    @property
    def embedded(self) -> str:
        """The address of the registry `embedded`."""
        return self.catalog.embedded

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that images are built for."""
        return self.chosen_platforms or self.catalog.platforms

    @property
    def default_platform(self) -> str:
        """The platform that ids do not name."""
        return self.catalog.platforms[0]

    @property
    def base_axes(self) -> tuple[str, ...]:
        """The axes whose values are base images."""
        return tuple(
            axis for axis, values in self.axes.items() if any(value.sources for value in values)
        )

    def with_registries(self, registries: tuple[str, ...]) -> Matrix:
        """Return the same matrix for other registries."""
        return replace(self, catalog=replace(self.catalog, registries=registries))

    def value(self, axis: str, name: str) -> AxisValue:
        """Return the value `name` of `axis`, with names in its constraints. Raises KeyError."""
        return self._values[axis, name]

    def axes_of(self, image: str) -> tuple[str, ...]:
        """Return the axes of an image, with those of the images that it is built from."""
        seen: dict[str, tuple[str, ...]] = {}
        while image in self.images and image not in seen:
            seen[image] = self.images[image].axes
            image = self.images[image].parent
        return tuple(axis for axes in reversed(seen.values()) for axis in axes)

    def last_day(self, value: AxisValue) -> str | None:
        """Return the last day on which a value is built; None where its end is not known."""
        return days_after(value.eol, self.bump.grace(value.axis)) if value.eol else None

    @cached_property
    def _values(self) -> Mapping[tuple[str, str], AxisValue]:
        return {
            (axis, value.name): value.with_names(self.axes)
            for axis, values in self.axes.items()
            for value in values
        }

    @property
    def registry(self) -> str:
        """The registry that charts name, as `host[:port][/path]`."""
        return self.host(self.registries[0])

    def host(self, registry: str) -> str:
        """Return the address of a registry: `embedded` is that of the matrix."""
        return self.embedded if registry == "embedded" else registry

    @property
    def provider_names(self) -> tuple[str, ...]:
        """Every provider that it names, once, in its order."""
        values = (value for values in self.axes.values() for value in values)
        return tuple(dict.fromkeys(name for value in values for name in value.provider_names))

    def providers(self, values: Mapping[str, str], locked: Mapping[str, str]) -> dict[str, str]:
        """Return the provider of each axis's release line; "" where it names none.

        `locked` are those that the lock has of lines with several, by `axis=value`.
        """
        return {
            axis: self.value(axis, name).served(values, locked).provider or ""
            for axis, name in values.items()
        }

    def is_preview(self, values: Mapping[str, str]) -> bool:
        """Whether a variant with these values has a value that is a preview."""
        return any(self.value(axis, name).preview for axis, name in values.items())

    def repository_of(self, image: str, registry: str | None = None) -> str:
        """Return `registry/repository` of an image, without tag."""
        registry = registry or self.registry
        return repository_of(self.catalog.repository, registry=registry, image=image)


def repository_of(template: str, *, registry: str, image: str) -> str:
    """Return the repository of an image. A template is no format of Python, which may do more."""
    return template.replace("{registry}", registry).replace("{image}", image)
