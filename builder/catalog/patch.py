"""A patch of matrix.yaml: a named change of all objects of one kind that a selector picks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from builder.catalog.charts import Head, SchemaKeywords, ValueFacts, ValueSpec
from builder.catalog.fields import (
    NOT_IN_FILE,
    Constraint,
    Day,
    FileModel,
    Flag,
    Name,
    OneOrMany,
    Path,
    PathGlob,
    PlatformName,
    Port,
    Reason,
    Size,
    VariableName,
    VariableText,
    Words,
)
from builder.catalog.policies import Pin
from builder.common.errors import Location

_EXPECT = r"^\d{1,4}(\+|-\d{1,4})?$"
KINDS = ("charts", "images", "recipes", "features")
"""The kinds of objects that patches change, each by a key of this name."""
CHANGES: Mapping[str, tuple[str, ...]] = {
    "charts": ("values", "features+", "features-", "head", "only"),
    "images": (
        "top+",
        "top-",
        "only",
        "exclude+",
        "publish",
        "pin",
        "platforms",
        "untagged+",
        "lock",
    ),
    "recipes": (
        "packages+",
        "packages-",
        "when",
        "budget",
        "memory",
        "ports",
        "command",
        "unreproducible",
        "needs",
        "env",
    ),
    "features": ("values", "summary"),
}
"""The keys by which a patch changes objects, by their kind."""
APPENDING = (
    *(key for keys in CHANGES.values() for key in keys if key.endswith(("+", "-"))),
    "onyxia+",
    "keywords+",
    "sources+",
)
"""Keys that a patch has itself: an upper catalog replaces what a patch below says by them."""
Packages = Mapping[Name, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class ValueChange(SchemaKeywords, ValueFacts):
    """What a patch says otherwise of a value; `key: null` takes a key away."""

    path: Annotated[
        Words | None,
        Field(
            description="its new path: by the one that it has now it is still taken",
            examples=["storage.size"],
        ),
    ] = None
    more_onyxia: Annotated[
        Mapping[str, Any] | None,
        Field(
            alias="onyxia+",
            description="keys that `onyxia` gets beside those that it has",
            examples=[{"hidden": True}],
        ),
    ] = None
    cleared: Annotated[tuple[str, ...], NOT_IN_FILE] = ()
    """The names of its fields that the file says to be null."""

    @property
    def said(self) -> dict[str, Any]:
        """What it sets, by the name of the field; None for what it takes away."""
        own = ("path", "more_onyxia", "cleared")
        said = {key: value for key, value in vars(self).items() if key not in own}
        return {
            **{key: value for key, value in said.items() if value is not None},
            **dict.fromkeys(self.cleared),
        }

    def apply(self, spec: ValueSpec, path: str) -> ValueSpec:
        """Return the description of the value at `path` with this change."""
        changed = replace(spec, **self.said)
        is_group = changed.type == "object" and changed.default is None
        if self.path is not None and not is_group:
            changed = replace(changed, formerly=(*(changed.formerly or ()), path))
        if self.more_onyxia is None:
            return changed
        return replace(changed, onyxia={**(changed.onyxia or {}), **self.more_onyxia})


@dataclass(frozen=True, kw_only=True)
class WhenChange(FileModel):
    """What a patch says of one condition of recipes."""

    packages: Annotated[
        Packages | None, Field(description="in place of what is below, by ecosystem")
    ] = None
    more_packages: Annotated[
        Packages, Field(alias="packages+", description="more packages, by ecosystem")
    ] = field(default_factory=dict)
    fewer_packages: Annotated[
        Packages, Field(alias="packages-", description="packages that it loses, by ecosystem")
    ] = field(default_factory=dict)
    budget: Annotated[Size | None, Field(description="compressed size that these add")] = None


@dataclass(frozen=True, kw_only=True)
class Selection(FileModel):
    """What a patch selects, and why."""

    name: Annotated[str, NOT_IN_FILE]
    charts: Annotated[
        OneOrMany, Field(description="the charts that it changes: a selector, or several")
    ] = ()
    images: Annotated[OneOrMany, Field(description="the images that it changes, instead")] = ()
    recipes: Annotated[
        OneOrMany, Field(description="the recipes of images that it changes, instead")
    ] = ()
    features: Annotated[
        OneOrMany, Field(description="the features of charts that it changes, instead")
    ] = ()
    excepted: Annotated[OneOrMany, Field(alias="except", description="what it leaves alone")] = ()
    expect: Annotated[
        str,
        StringConstraints(pattern=_EXPECT),
        Field(description="how many it selects: N, N+ or N-M"),
    ] = "1+"
    why: Annotated[Reason, Field(description="why they are changed")]
    until: Annotated[
        Day | None, Field(description="when to look whether it is still needed, YYYY-MM-DD")
    ] = None
    override: Annotated[
        Flag, Field(description="true: it may say otherwise than an earlier patch")
    ] = False


@dataclass(frozen=True, kw_only=True)
class ImagePatch(FileModel):
    """What patches of images say."""

    more_top: Annotated[
        tuple[Name, ...],
        Field(alias="top+", description="images: recipes on what is offered of them"),
    ] = ()
    fewer_top: Annotated[
        tuple[Name, ...], Field(alias="top-", description="images: top recipes that they lose")
    ] = ()
    more_exclude: Annotated[
        tuple[Constraint, ...],
        Field(alias="exclude+", description="images: drop the variants that match one of these"),
    ] = ()
    publish: Annotated[
        Flag | None, Field(description="images: false: built and tested, never released")
    ] = None
    pin: Annotated[
        Pin | None, Field(description="images: versions that they are pinned to, and descendants")
    ] = None
    platforms: Annotated[
        tuple[PlatformName, ...] | None,
        Field(description="images: the only platforms that they are built for"),
    ] = None
    more_untagged: Annotated[
        tuple[str, ...],
        Field(alias="untagged+", description="images: axes that their tags leave out"),
    ] = ()
    lock: Annotated[
        Literal["inherit", "own"] | None,
        Field(description="images: `own` locks them here, though a catalog below has locked them"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class RecipePatch(FileModel):
    """What patches of recipes say."""

    more_packages: Annotated[
        Packages,
        Field(alias="packages+", description="recipes: packages that they get, by ecosystem"),
    ] = field(default_factory=dict)
    fewer_packages: Annotated[
        Packages,
        Field(alias="packages-", description="recipes: packages that they lose, by ecosystem"),
    ] = field(default_factory=dict)
    when: Annotated[
        Mapping[str, WhenChange | None],
        Field(description="recipes: more, by condition; `CONDITION: null` takes one away"),
    ] = field(default_factory=dict)
    budget: Annotated[
        Size | None, Field(description="recipes: compressed size that they may add")
    ] = None
    memory: Annotated[
        Size | None, Field(description="recipes: memory that jobs of their builds ask for at least")
    ] = None
    ports: Annotated[
        tuple[Port, ...] | None, Field(description="recipes: TCP ports that the service listens on")
    ] = None
    command: Annotated[
        tuple[str, ...] | None, Field(description="recipes: how the service is started")
    ] = None
    unreproducible: Annotated[
        Mapping[PathGlob, Reason | None],
        Field(description="recipes: files that two builds may differ in, by path: why"),
    ] = field(default_factory=dict)
    needs: Annotated[
        tuple[str, ...] | None, Field(description="recipes: axes that their parents must have")
    ] = None
    env: Annotated[
        Mapping[VariableName, VariableText | None],
        Field(description="recipes: environment variables; `NAME: null` takes one away"),
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChartPatch(FileModel):
    """What patches of charts, and of their features, say."""

    values: Annotated[
        Mapping[str, ValueChange | None],
        Field(
            description="charts and features: what their values are otherwise, by path;"
            " `PATH: null` takes one away"
        ),
    ] = field(default_factory=dict)
    more_features: Annotated[
        tuple[str, ...], Field(alias="features+", description="charts: features that they get")
    ] = ()
    fewer_features: Annotated[
        tuple[str, ...], Field(alias="features-", description="charts: features that they lose")
    ] = ()
    head: Annotated[
        Head | None, Field(description="charts: what they say of themselves in Chart.yaml")
    ] = None
    summary: Annotated[Words | None, Field(description="features: one line, for people")] = None


@dataclass(frozen=True, kw_only=True)
class Patch(ChartPatch, RecipePatch, ImagePatch, Selection):
    """A change of all charts, images, recipes or features that a selector picks."""

    only: Annotated[
        Constraint, Field(description="charts and images: keep the variants with these values")
    ] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of objects that it selects: one, where nothing is wrong with it."""
        return tuple(kind for kind in KINDS if getattr(self, kind))

    @property
    def selectors(self) -> tuple[str, ...]:
        """The selectors of what it changes."""
        return tuple(item for kind in self.kinds for item in getattr(self, kind))

    @property
    def adds_packages(self) -> bool:
        """Whether it gives recipes packages."""
        extras = [extra for extra in self.when.values() if extra]
        return bool(self.more_packages) or any(it.packages or it.more_packages for it in extras)

    def expects(self, number: int) -> bool:
        """Whether it selects as many objects as it expects."""
        if self.expect.endswith("+"):
            return number >= int(self.expect[:-1])
        least, _, most = self.expect.partition("-")
        return int(least) <= number <= int(most or least)


@dataclass(frozen=True, kw_only=True)
class PatchedValue:
    """A change of one value; without `change` the value is gone.

    `patch` is the patch that makes it, "" where the line of the chart says it.
    """

    path: str
    change: ValueChange | None
    patch: str
    location: Location


@dataclass(frozen=True, kw_only=True)
class Narrowing:
    """What a patch leaves of the variants of an image or a chart: `only` these, or not these.

    `path` is where matrix.yaml says it.
    """

    patch: str
    path: Path
    only: Constraint = field(default_factory=dict)
    exclude: Constraint = field(default_factory=dict)
