"""The nouns of a catalog: frozen values, which know nothing of engines and registries.

The keys of recipe.yaml are declared, checked and described here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from builder.catalog.charts import (
    ChartFeature,
    ChartFile,
    ChartRecipe,
    CustomImage,
    FeatureFile,
    SchemaKeywords,
    SourceObject,
    UpstreamChartFile,
    UpstreamChartRecipe,
    UpstreamImage,
    ValueSpec,
)
from builder.catalog.ecosystem import Ecosystems
from builder.catalog.fields import (
    NOT_IN_FILE,
    AxisName,
    FileModel,
    Name,
    Path,
    PathGlob,
    Port,
    Reason,
    Size,
    VariableName,
    VariableText,
    as_tuple,
    named_by_key,
)
from builder.catalog.ids import TargetId, ValueId, VariantId
from builder.catalog.matrix import (
    Chart,
    Image,
    Input,
    Matrix,
    Network,
    Proxy,
    Settings,
)
from builder.catalog.policies import Pin, Retention
from builder.catalog.release_line import AxisValue, LineProvider, Source
from builder.catalog.sources import UpstreamChart

__all__ = [
    "PYPI",
    "AxisValue",
    "Base",
    "Catalog",
    "Chart",
    "ChartFeature",
    "ChartFile",
    "ChartRecipe",
    "CustomImage",
    "FeatureFile",
    "File",
    "Image",
    "Input",
    "LineProvider",
    "Matrix",
    "Network",
    "Path",
    "Pin",
    "Proxy",
    "Recipe",
    "RecipeFile",
    "RemoteFile",
    "Retention",
    "SchemaKeywords",
    "Settings",
    "Source",
    "SourceObject",
    "Target",
    "UpstreamChart",
    "UpstreamChartFile",
    "UpstreamChartRecipe",
    "UpstreamImage",
    "ValueSpec",
    "Variant",
    "When",
]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """An image and one value per axis: what is promoted."""

    image: str
    values: Mapping[str, str]  # axis to value, in the order of the axes

    @property
    def id(self) -> str:
        """`image/axis=value,…`."""
        return VariantId.of(self.image, self.values)

    @property
    def value_ids(self) -> tuple[ValueId, ...]:
        """The ids of its values, in the order of the axes."""
        return tuple(ValueId.of(*item) for item in self.values.items())

    @property
    def slug(self) -> str:
        """The id as a folder name and a bake target: letters, digits, `-` and `_` only."""
        parts = [self.image, *(f"{axis}{name}" for axis, name in self.values.items())]
        return "-".join(parts).replace(".", "_")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A variant on a platform: what is built.

    `optional` are those of its inputs that it can be built without; `without` are inputs that it is
    built without, and why.
    """

    id: str  # as a TargetId has it
    variant: Variant
    platform: str  # os/architecture
    recipe: str
    parent: str  # the id of a target, or of a base
    inputs: tuple[tuple[str, str], ...] = ()  # (image, id of its target)
    optional: tuple[str, ...] = ()  # images
    without: tuple[tuple[str, str], ...] = ()  # (image, reason)
    is_root: bool = False
    is_mirrored: bool = False  # an upstream's image as it is: nothing is built
    is_top: bool = False  # a top recipe, on an image that is whole without it
    publish: bool = True
    eol: str | None = None  # the earliest end of life among its values
    last_day: str | None = None  # on which it is built: the earliest among its values

    def has_ended(self, today: str) -> bool:
        """Whether the last day on which it is built is over."""
        return self.last_day is not None and self.last_day < today

    def is_past(self, today: str) -> bool:
        """Whether an end of life among its values is over: it is no default any more."""
        return self.eol is not None and self.eol < today

    @property
    def made_id(self) -> str:
        """The id that matrix.lock and the metadata of its image have.

        It does not depend on what stands on it: putting a top recipe on an image changes neither.
        """
        offered = TargetId(self.id).offered
        return offered.under(self.recipe) if self.is_top else offered

    @property
    def slug(self) -> str:
        """`Variant.slug`, with the platform where the id has it, and what it is under."""
        target_id = TargetId(self.id)
        platform = target_id.platform.replace("/", "-")
        parts = [self.variant.slug, *([platform] if platform else [])]
        if target_id.is_under:
            parts += ["_under", *([target_id.last_top] if target_id.last_top else [])]
        return "-".join(parts)


@dataclass(frozen=True, kw_only=True)
class Base:
    """The base image of a root image: an axis value that has sources, on a platform."""

    id: str  # as a BaseId has it
    axis: str
    value: str
    platform: str
    line: str = ""  # the release line, as upstream calls it

    @property
    def value_id(self) -> str:
        """`axis=value`."""
        return ValueId.of(self.axis, self.value)

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
        """Its requirement for pip, `NAME==VERSION`; empty for a file with a URL of its own."""
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
    memory: Annotated[
        Size,
        Field(description="memory that jobs of its builds ask for at least, e.g. 3 GB"),
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
    network: Annotated[
        str, Field(description="why its build needs a network: then it is not locked")
    ] = ""
    privileges: Annotated[
        str,
        Field(
            description="why its tests need more privileges than the pod of a chart gives:"
            " capabilities, or a program that changes the user"
        ),
    ] = ""
    expects: Annotated[
        Mapping[Name, tuple[str, ...]],
        Field(description="packages that its image has beside the lock, by ecosystem: pip, r, …"),
    ] = field(default_factory=dict)
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
    env: Annotated[
        Mapping[VariableName, VariableText],
        Field(description="environment variables of its images: none is replaced in a text"),
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Recipe(RecipeFile):
    """A folder under `images/`, read: recipe.yaml and the files beside it."""

    name: str
    dockerfile: str  # the text of Dockerfile.j2
    dockerfile_path: str  # for errors, relative to the catalog
    appended: Mapping[str, str] = field(default_factory=dict)  # more templates: path to text
    files: tuple[File, ...] = ()  # the build context: `files/…`
    tests: str = ""  # absolute path of the folder of tests, "" where there is none
    mixed_tests: Mapping[str, bytes] = field(default_factory=dict)  # those of several catalogs
    tests_hash: str = ""  # of those tests; it is no part of a fingerprint
    has_tests: bool = True  # whether there are any that pytest finds

    @property
    def ecosystems(self) -> frozenset[str]:
        """The ecosystems of which it names packages, in any variant."""
        blocks = (self.packages, *(extra.packages for extra in self.when))
        return frozenset(name for block in blocks for name in block)


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Everything that a plan is made from, apart from the lock and the state of a registry.

    `ecosystems` are those of the builder and those that the catalog names.
    """

    matrix: Matrix
    recipes: Mapping[str, Recipe]
    macros: Mapping[str, str]  # file name to text; an absolute path: it came with the builder
    charts: Mapping[str, ChartRecipe] = field(default_factory=dict)
    upstream_charts: Mapping[str, UpstreamChartRecipe] = field(default_factory=dict)
    library: Mapping[str, bytes] = field(default_factory=dict)
    features: Mapping[str, ChartFeature] = field(default_factory=dict)
    ecosystems: Ecosystems = field(default_factory=dict)

    def provider_options(self, axis: str, provider: str) -> tuple[Mapping[str, str], ...]:
        """Return the options that each recipe states for a provider of an axis."""
        stated = (recipe.provides.get(axis, {}) for recipe in self.recipes.values())
        return tuple(providers[provider] for providers in stated if provider in providers)
