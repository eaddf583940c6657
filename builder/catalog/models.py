"""The nouns of a catalog. Values only: frozen, and ignorant of engines and registries.

Those that derive from FileModel are what pydantic reads from matrix.yaml and recipe.yaml: a field
is declared, checked and described here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from builder.catalog.fields import (
    EMPTY_IF_NULL,
    KEY_IF_MISSING,
    NOT_IN_FILE,
    AptName,
    AptVersion,
    AxisName,
    Constraint,
    Day,
    FileModel,
    Flag,
    Name,
    OneOrMany,
    PathGlob,
    PlatformName,
    Port,
    Reason,
    RLimit,
    ServicePort,
    Size,
    ValueName,
    Whole,
    Words,
    as_tuple,
    named,
    named_by_key,
)
from builder.common.errors import Location

Path = tuple[str | int, ...]
"""The path of a value in its file, as keys from the top: `("images", "base", "axes", 0)`."""


@dataclass(frozen=True, kw_only=True)
class Source(FileModel):
    """One place that a base can come from: an image of a registry, or a bootstrapped suite."""

    registry: Annotated[
        str | None, Field(description="an image, e.g. docker.io/library/debian:trixie-slim")
    ] = None
    bootstrap: Annotated[str | None, Field(description="a suite of Debian, e.g. trixie")] = None

    @property
    def kind(self) -> str:
        """`registry` or `bootstrap`."""
        return "bootstrap" if self.registry is None else "registry"

    @property
    def value(self) -> str:
        """Its reference, or its suite."""
        return (self.bootstrap if self.registry is None else self.registry) or ""

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


@dataclass(frozen=True, kw_only=True)
class AxisValue(FileModel):
    """A release line: one value of an axis."""

    axis: Annotated[str, NOT_IN_FILE]
    name: Annotated[str, NOT_IN_FILE]
    provider: Annotated[
        Name | None, Field(description="where its packages come from, e.g. apt")
    ] = None
    release_line: Annotated[
        str, Field(description="what the provider calls it, where that is not its name")
    ] = ""
    platforms: Annotated[
        tuple[PlatformName, ...], Field(description="the only platforms that have it")
    ] = ()
    requires: Annotated[Constraint, Field(description="values of other axes that it needs")] = (
        field(default_factory=dict)
    )
    only: Annotated[
        Constraint, Field(description="values of other axes that it is combined with")
    ] = field(default_factory=dict)
    tag: Annotated[
        str | None,
        Field(description="its part of a tag; {version} is the exact version; -x goes last"),
    ] = None
    eol: Annotated[
        Day | None, Field(description="the last day on which it is built, YYYY-MM-DD")
    ] = None
    sources: Annotated[
        tuple[Source, ...], Field(description="where a base comes from, best first")
    ] = ()

    @property
    def id(self) -> str:
        """`axis=value`."""
        return f"{self.axis}={self.name}"

    @property
    def upstream(self) -> str:
        """The release line as its provider calls it."""
        return self.release_line or self.name


@dataclass(frozen=True, kw_only=True)
class Pin(FileModel):
    """Packages that are pinned to certain versions, for a reason and until a day."""

    apt: Annotated[
        Mapping[AptName, AptVersion],
        Field(description="a version by package, e.g. git: '1:2.47*'"),
    ] = field(default_factory=dict)
    pip: Annotated[
        Mapping[str, str], Field(description="a limit by package, e.g. lxml: '>=5.3.1'")
    ] = field(default_factory=dict)
    r: Annotated[
        Mapping[str, RLimit], Field(description="a limit by package, e.g. dplyr: '>= 1.1, < 2'")
    ] = field(default_factory=dict)
    julia: Annotated[
        Mapping[str, str], Field(description="as in [compat], e.g. CSV: '~0.10.14'")
    ] = field(default_factory=dict)
    reason: Annotated[Reason, Field(description="why they are pinned")]
    until: Annotated[Day, Field(description="when to look whether it is still needed, YYYY-MM-DD")]

    @property
    def packages(self) -> Mapping[str, Mapping[str, str]]:
        """The limits, by ecosystem and package."""
        limits = {"apt": self.apt, "pip": self.pip, "r": self.r, "julia": self.julia}
        return {ecosystem: packages for ecosystem, packages in limits.items() if packages}


@dataclass(frozen=True, kw_only=True)
class Image(FileModel):
    """A recipe on a parent."""

    name: Annotated[str, NOT_IN_FILE]
    parent: Annotated[
        Name, Field(alias="from", description="the parent image, or an axis for a root image")
    ]
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
    inputs: Annotated[tuple[str, ...], Field(description="images that it copies files from")] = ()
    platforms: Annotated[
        tuple[PlatformName, ...], Field(description="the only platforms that it is built for")
    ] = ()
    untagged: Annotated[tuple[str, ...], Field(description="axes that its tags leave out")] = ()
    publish: Annotated[Flag, Field(description="false: built and tested, never released")] = True
    pin: Annotated[
        Pin | None, Field(description="versions that it and its descendants are pinned to")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Chart(FileModel):
    """A chart recipe on the variants of an image."""

    name: Annotated[str, NOT_IN_FILE]
    recipe: Annotated[
        Name, KEY_IF_MISSING, Field(description="a folder under charts/; the chart's name")
    ] = ""
    image: Annotated[Name, Field(description="the image whose variants it offers")]
    only: Annotated[Constraint, Field(description="offer the variants with these values")] = field(
        default_factory=dict
    )
    features: Annotated[
        tuple[str, ...], Field(description="features beside those of the recipe")
    ] = ()
    values: Annotated[
        Mapping[str, Any], Field(description="other defaults of its values, by path")
    ] = field(default_factory=dict)
    places: Annotated[Mapping[Path, Location], NOT_IN_FILE] = field(
        default_factory=dict, compare=False, repr=False
    )
    """Where `()`, `("features", NAME)` and `("values", PATH)` stand in the matrix, if known."""

    def at(self, *path: str) -> Location:
        """Return where a part of this chart is declared in the matrix."""
        return self.places.get(path, Location(file="matrix.yaml"))


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


@dataclass(frozen=True, kw_only=True)
class Retention(FileModel):
    """What `builder prune` keeps besides the current release, and what it names."""

    # Only weeks and months count that have a release.
    weeks: Annotated[Whole, Field(ge=1, description="every release of so many last weeks")] = 8
    months: Annotated[Whole, Field(ge=0, description="the last release of so many last months")] = (
        12
    )
    retired: Annotated[
        Whole,
        Field(ge=0, description="days for which the tags of a release line that ended stay"),
    ] = 180


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

    catalog: Annotated[Settings, Field(description="what holds for all images and charts")]
    network: Annotated[Network, Field(description="how the network is reached")] = Network()
    retention: Annotated[Retention, Field(description="what `builder prune` keeps")] = Retention()
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
    chosen_platforms: Annotated[tuple[str, ...], NOT_IN_FILE] = ()
    """Those that are asked for, where that is not all that the catalog has."""

    @property
    def name(self) -> str:
        """What the catalog is called."""
        return self.catalog.name

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

    def with_registries(self, registries: tuple[str, ...]) -> Matrix:
        """Return the same matrix for other registries."""
        return replace(self, catalog=replace(self.catalog, registries=registries))

    def value(self, axis: str, name: str) -> AxisValue:
        """Return the value `name` of `axis`. Raises KeyError where there is none."""
        return self._values[axis, name]

    @cached_property
    def _values(self) -> Mapping[tuple[str, str], AxisValue]:
        return {(axis, value.name): value for axis, values in self.axes.items() for value in values}

    @property
    def registry(self) -> str:
        """The registry that charts name, as `host[:port][/path]`."""
        return self.host(self.registries[0])

    def host(self, registry: str) -> str:
        """Return the address of a registry: `embedded` is that of the matrix."""
        return self.embedded if registry == "embedded" else registry

    def providers(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the provider of each axis's release line; "" where it names none."""
        return {axis: self.value(axis, name).provider or "" for axis, name in values.items()}

    def repository_of(self, image: str, registry: str | None = None) -> str:
        """Return `registry/repository` of an image, without tag."""
        return self.catalog.repository.format(registry=registry or self.registry, image=image)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """An image and one value per axis: what is promoted."""

    image: str
    values: Mapping[str, str]  # axis to value, in the order of the axes

    @property
    def id(self) -> str:
        """`image/axis=value,…`."""
        return f"{self.image}/" + ",".join(f"{axis}={name}" for axis, name in self.values.items())

    @property
    def slug(self) -> str:
        """The id as a folder name and a bake target: letters, digits, `-` and `_` only."""
        parts = [self.image, *(f"{axis}{name}" for axis, name in self.values.items())]
        return "-".join(parts).replace(".", "_")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A variant on a platform: what is built."""

    id: str
    variant: Variant
    platform: str  # os/architecture
    recipe: str
    parent: str  # the id of a target, or of a base
    inputs: tuple[tuple[str, str], ...] = ()  # (image, id of its target)
    is_root: bool = False
    publish: bool = True
    eol: str | None = None  # the earliest end of life among its values

    def has_ended(self, today: str) -> bool:
        """Whether the last day on which it is built is over."""
        return self.eol is not None and self.eol < today

    @property
    def slug(self) -> str:
        """`Variant.slug`, with the platform where the id has it."""
        _, at, platform = self.id.partition("@")
        return self.variant.slug + (f"-{platform.replace('/', '-')}" if at else "")


@dataclass(frozen=True, kw_only=True)
class Base:
    """The content that a root image stands on: an axis value that has sources, on a platform."""

    id: str  # axis=value@platform
    axis: str
    value: str
    platform: str

    @property
    def slug(self) -> str:
        """A folder name and a bake target."""
        return f"{self.axis}-{self.value}-{self.platform.replace('/', '-')}".replace(".", "_")


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a build context or a recipe: its path there, mode, hash, and where it is read."""

    path: str
    mode: int
    sha256: str
    source: str  # absolute path on this machine; never part of an identity


PYPI = "pkg:pypi/"


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file of the network that a build needs, as `downloads/<name>`.

    `url` is upstream's, or `pkg:pypi/NAME@VERSION`: a source that an index of Python packages has.
    """

    name: str
    url: str
    sha256: str

    @property
    def requirement(self) -> str:
        """What pip calls it, `NAME==VERSION`; nothing where it has an address of its own."""
        package = self.url.removeprefix(PYPI)
        return package.replace("@", "==") if package != self.url else ""


@dataclass(frozen=True, kw_only=True)
class When(FileModel):
    """What a recipe adds in some variants."""

    condition: Annotated[str, NOT_IN_FILE]
    packages: Annotated[
        Mapping[Name, tuple[str, ...]], Field(description="more packages, by ecosystem")
    ] = field(default_factory=dict)
    budget: Annotated[Size, Field(description="compressed size that these add, e.g. 60 MB")] = 0


@dataclass(frozen=True, kw_only=True)
class RecipeFile(FileModel):
    """recipe.yaml: one way to make an image out of its parent."""

    summary: Annotated[str, Field(description="one line, for people")]
    needs: Annotated[tuple[str, ...], Field(description="axes that its parent must have")] = ()
    budget: Annotated[
        Size, Field(description="compressed size that it may add to its parent, e.g. 60 MB")
    ] = 0
    packages: Annotated[
        Mapping[Name, tuple[str, ...]], Field(description="by ecosystem: apt, pip, …")
    ] = field(default_factory=dict)
    when: Annotated[
        tuple[When, ...],
        as_tuple(str, When),
        named_by_key("condition"),
        Field(
            description="more, by condition: `r`, `not python`, `debian=12`, `r@apt`; commas join"
        ),
    ] = ()
    unreproducible: Annotated[
        Mapping[PathGlob, Reason],
        Field(description="files that two builds may differ in, by path: why"),
    ] = field(default_factory=dict)
    provides: Annotated[
        Mapping[AxisName, Mapping[Name, Mapping[str, str]]],
        Field(description="for an axis, by provider: where its exact version is read"),
    ] = field(default_factory=dict)
    ports: Annotated[
        tuple[Port, ...], Field(description="TCP ports that its service listens on")
    ] = ()
    command: Annotated[tuple[str, ...], Field(description="how its service is started")] = ()


@dataclass(frozen=True, kw_only=True)
class Recipe(RecipeFile):
    """A folder under `images/`, read: recipe.yaml and the files beside it."""

    name: str
    dockerfile: str  # the text of Dockerfile.j2
    dockerfile_path: str  # for errors, relative to the catalog
    files: tuple[File, ...] = ()  # the build context: `files/…`
    tests: str = ""  # absolute path of the folder of tests, "" where there is none
    suite: str = ""  # the hash of those tests, which is no part of a fingerprint
    has_tests: bool = True  # whether there are any that pytest finds


@dataclass(frozen=True, kw_only=True)
class SchemaKeywords(FileModel):
    """The keywords that values.schema.json has of a value as they are; `$fact` is filled in."""

    enum: Annotated[
        Any, Field(description="the values that it can have", examples=[["a", "b"]])
    ] = None
    listEnum: Annotated[
        Any, Field(description="the values that a form lists, or `$images`", examples=["$images"])
    ] = None
    render: Annotated[
        Any,
        Field(description="how a form shows it: list, slider, password, …", examples=["password"]),
    ] = None
    sliderMin: Annotated[Any, Field(description="the least that a slider gives", examples=[1])] = (
        None
    )
    sliderMax: Annotated[Any, Field(description="the most that a slider gives", examples=[8])] = (
        None
    )
    sliderStep: Annotated[Any, Field(description="the step of a slider", examples=[1])] = None
    sliderUnit: Annotated[Any, Field(description="the unit beside a slider", examples=["Gi"])] = (
        None
    )
    sliderExtremity: Annotated[
        Any, Field(description="which end of a range it is: down or up", examples=["down"])
    ] = None
    sliderExtremitySemantic: Annotated[
        Any, Field(description="what this end of the range means", examples=["guaranteed"])
    ] = None
    sliderRangeId: Annotated[
        Any, Field(description="the range that both ends name", examples=["cpu"])
    ] = None
    pattern: Annotated[
        Any, Field(description="a regular expression that it matches", examples=["^[a-z]+$"])
    ] = None
    minimum: Annotated[Any, Field(description="the least number", examples=[1])] = None
    maximum: Annotated[Any, Field(description="the largest number", examples=[65535])] = None
    items: Annotated[
        Any, Field(description="the schema of the items of a list", examples=[{"type": "string"}])
    ] = None


@dataclass(frozen=True, kw_only=True)
class _Value(FileModel):
    type: Annotated[
        Words | None,
        Field(
            description="string, boolean, integer, number, array or object",
            examples=["boolean"],
            json_schema_extra={
                "enum": ["string", "boolean", "integer", "number", "array", "object"]
            },
        ),
    ] = None
    default: Annotated[
        Any,
        Field(
            description="what it is where nobody says otherwise; an object without one is a group",
            examples=[False],
        ),
    ] = None
    title: Annotated[Words | None, Field(description="its name in a form", examples=["Token"])] = (
        None
    )
    text: Annotated[
        Words | None, Field(description="what it is for", examples=["The token of the service"])
    ] = None
    source: Annotated[
        Any,
        Field(
            alias="from",
            description="the context variable that fills it in a form",
            examples=["user.profile.token"],
        ),
    ] = None
    onyxia: Annotated[
        Mapping[str, Any] | None,
        Field(description="more of `x-onyxia`, for the form", examples=[{"hidden": True}]),
    ] = None
    shown_if: Annotated[
        Words | None,
        Field(description="the value that shows it where it is true", examples=["ai.enabled"]),
    ] = None
    hidden_if: Annotated[
        Words | None,
        Field(description="the value that hides it where it is true", examples=["ai.custom"]),
    ] = None
    form: Annotated[
        Flag | None,
        Field(description="false: no form shows it, and no schema has it", examples=[False]),
    ] = None
    formerly: Annotated[
        tuple[Words, ...] | None,
        Field(
            description="paths that it had before, by which the chart still takes it",
            examples=[["ai.old.enabled"]],
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ValueSpec(SchemaKeywords, _Value):
    """A value of a chart, or what a chart says otherwise of a feature's value."""

    @property
    def keywords(self) -> dict[str, object]:
        """The keywords of values.schema.json that it has, in their order."""
        names = (item.name for item in fields(SchemaKeywords))
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def changed_by(self, other: ValueSpec) -> ValueSpec:
        """Return it with all that another says."""
        return replace(self, **{key: it for key, it in vars(other).items() if it is not None})


@dataclass(frozen=True, kw_only=True)
class SourceObject(FileModel):
    """A Secret or a ConfigMap that a feature makes, see `slots/secret.yaml` and the like."""

    name: Annotated[
        Words,
        Field(
            description="the value that names another one, taken in its place",
            examples=["ai.secretName"],
        ),
    ] = ""
    folders: Annotated[
        tuple[Words, ...],
        Field(
            description="the folders that hold its files, as templates",
            examples=[['{{ include "chart.home" . }}/.config']],
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class FeatureFile(FileModel):
    """feature.yaml: what a feature adds to a chart."""

    summary: Annotated[
        Words, Field(description="one line, for people", examples=["More pods under load"])
    ] = ""
    values: Annotated[
        Mapping[str, Annotated[ValueSpec, EMPTY_IF_NULL]],
        EMPTY_IF_NULL,
        Field(
            description="its values, by path; a dot of a key itself is written `\\.`",
            examples=[{"ai.enabled": {"type": "boolean", "default": False}}],
        ),
    ] = field(default_factory=dict)
    secret: Annotated[
        SourceObject,
        EMPTY_IF_NULL,
        Field(
            description="about the Secret that `slots/secret.yaml` fills, with variables of the"
            " environment",
            examples=[{"name": "ai.secretName"}],
        ),
    ] = SourceObject()
    config: Annotated[
        SourceObject,
        EMPTY_IF_NULL,
        Field(
            description="about the ConfigMap that `slots/config.yaml` fills, in the same way",
            examples=[{"name": "ai.configName"}],
        ),
    ] = SourceObject()
    mounted: Annotated[
        SourceObject,
        EMPTY_IF_NULL,
        Field(
            alias="files",
            description="about the files that `slots/files.yaml` has",
            examples=[{"folders": ["/etc/service"]}],
        ),
    ] = SourceObject()

    @property
    def objects(self) -> Mapping[str, SourceObject]:
        """What it says of the objects that it makes, by the name of their slot."""
        return {"secret": self.secret, "config": self.config, "files": self.mounted}


@dataclass(frozen=True, kw_only=True)
class ChartFile(FileModel):
    """chart.yaml: what a kind of service is started with."""

    title: Annotated[Words, Field(description="what people call it", examples=["JupyterLab"])]
    description: Annotated[
        Words,
        Field(
            description="one line about it; $chart, $title, $image_name, $default_image and $port"
            " are filled in",
            examples=["JupyterLab on the image $image_name"],
        ),
    ]
    command: Annotated[
        tuple[Words, ...],
        Field(description="how the service is started, as templates", examples=[["httpd", "-f"]]),
    ]
    port: Annotated[
        ServicePort, Field(description="the port that the service listens on", examples=[8888])
    ]
    features: Annotated[
        tuple[Words, ...],
        Field(
            description="folders under charts/features/, in order", examples=[["service", "server"]]
        ),
    ]
    icon: Annotated[
        Words, Field(description="the URL of a picture", examples=["https://example.org/logo.svg"])
    ] = ""
    home: Annotated[
        Words, Field(description="the URL of its home page", examples=["https://jupyter.org"])
    ] = ""
    sources: Annotated[
        tuple[Words, ...],
        Field(description="URLs of its source", examples=[["https://github.com/org/repo"]]),
    ] = ()
    keywords: Annotated[
        tuple[Words, ...], Field(description="words to find it by", examples=[["notebook"]])
    ] = ()
    health: Annotated[
        Words, Field(description="the path that answers when it is ready", examples=["/api"])
    ] = "/"
    needs: Annotated[
        OneOrMany,
        Field(description="recipes that its image is made with", examples=[["jupyter"]]),
    ] = ()
    values: Annotated[
        Mapping[str, Annotated[ValueSpec, EMPTY_IF_NULL]],
        EMPTY_IF_NULL,
        Field(
            description="what it says otherwise of the values of features, or values of its own",
            examples=[{"persistence.size": {"default": "20Gi"}}],
        ),
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Everything that a plan is made from, apart from the lock and what a registry holds."""

    matrix: Matrix
    recipes: Mapping[str, Recipe]
    macros: Mapping[str, str]  # file name to text; an absolute path: it came with the builder
    charts: Mapping[str, ChartRecipe] = field(default_factory=dict)
    library: Mapping[str, bytes] = field(default_factory=dict)
    features: Mapping[str, ChartFeature] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChartRecipe(ChartFile):
    """A folder under `charts/`, read: chart.yaml and the files beside it."""

    name: str
    files: Mapping[str, str]  # relative path to text
    tests: str = ""  # absolute path of the folder of tests, "" where there is none


@dataclass(frozen=True, kw_only=True)
class ChartFeature(FeatureFile):
    """A folder under `charts/features/`, or of the builder: values and templates for named slots.

    `folder` is for errors: relative to the catalog, or absolute where it came with the builder.
    """

    name: str
    files: Mapping[str, str]
    folder: str = ""
