"""What a catalog says of itself: what it stands on, how it is locked, and how long things stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from builder.catalog.fields import (
    AxisName,
    Day,
    Days,
    FileModel,
    Flag,
    Name,
    OneOrMany,
    Reason,
    Whole,
    described,
    with_other_keys,
)


@dataclass(frozen=True, kw_only=True)
class Extends(FileModel):
    """The catalog that this one stands on: the two are read as one."""

    path: Annotated[
        str, Field(min_length=1, description="its folder, seen from the folder of this file")
    ]
    name: Annotated[
        Name | None, Field(description="what messages call it; by default its folder's name")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Offer(FileModel):
    """The charts and images that are offered; what none of them needs is left out."""

    charts: Annotated[
        OneOrMany, Field(description="charts: a selector, or several, as of patches")
    ] = ()
    images: Annotated[
        OneOrMany, Field(description="images beside those of the charts: in the same way")
    ] = ()


@dataclass(frozen=True, kw_only=True)
class LockSettings(FileModel):
    """How `builder lock` chooses."""

    origin: Annotated[
        Literal["inherit", "own"],
        Field(
            alias="from",
            description="inherit: what the catalog that this one stands on has locked counts here,"
            " too; own: everything is locked here",
        ),
    ] = "inherit"
    cooldown: Annotated[
        Days,
        Field(
            description="how old a version must be before it is taken, in days; what Debian's"
            " archive has is taken at once"
        ),
    ] = 3


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


@dataclass(frozen=True, kw_only=True)
class EndOfLife(FileModel):
    """Where the ends of life of an axis come from."""

    origin: Annotated[
        Literal["endoflife", "distro-info", "postgresql", "python", "none"],
        Field(alias="from", description="a public table; none: there is no table, see `reason`"),
    ]
    product: Annotated[
        str, Field(pattern=r"^([a-z0-9]+([.-][a-z0-9]+)*)?$", description="its name in `endoflife`")
    ] = ""
    support: Annotated[
        Literal["security", "lts", "elts"],
        Field(description="which end of Debian is meant: that of its security support, or a later"),
    ] = "security"
    reason: Annotated[str, Field(description="why there is no table")] = ""


@dataclass(frozen=True, kw_only=True)
class SkippedLine(FileModel):
    """Release lines that do not enter, for a reason and until a day."""

    line: Annotated[
        str,
        Field(
            pattern=r"^((>=|<=|>|<)\s*)?\d+(\.\d+)*$",
            description="a release line, or those of a comparison",
            examples=[">= 3.16"],
        ),
    ]
    reason: Annotated[Reason, Field(description="why it does not enter")]
    until: Annotated[Day, Field(description="when to look whether it still holds, YYYY-MM-DD")]


@dataclass(frozen=True, kw_only=True)
class BumpPolicy(FileModel):
    """How the release lines of an axis come and go."""

    grace: Annotated[
        Whole | None,
        Field(
            ge=0,
            description="days after its end of life for which a line is still built and offered,"
            " but is no default",
        ),
    ] = None
    age: Annotated[
        Whole | None,
        Field(ge=0, description="days that a line must have been public before it enters; 14"),
    ] = None
    keep: Annotated[
        Whole | None,
        Field(ge=1, description="how many of the newest lines are kept; by default all"),
    ] = None
    enter: Annotated[
        Literal["last", "never"] | None,
        Field(description="last: a new line enters behind the others; never: a person enters it"),
    ] = None
    prereleases: Annotated[
        Flag | None, Field(description="true: a line may enter before its first release")
    ] = None
    skip: Annotated[
        tuple[SkippedLine, ...], Field(description="release lines that do not enter")
    ] = ()
    eol: Annotated[EndOfLife | None, Field(description="where ends of life come from")] = None

    def over(self, other: BumpPolicy) -> BumpPolicy:
        """Return this policy, and what it does not say from another one."""
        said = {key: value for key, value in vars(self).items() if value not in (None, ())}
        return replace(other, **said)


@dataclass(frozen=True, kw_only=True)
class Bump(FileModel):
    """How release lines come and go."""

    defaults: Annotated[BumpPolicy, Field(description="what holds for every axis")] = BumpPolicy()
    axes: Annotated[
        Mapping[AxisName, BumpPolicy], Field(description="what holds for an axis, by its name")
    ] = field(default_factory=dict)

    def policy(self, axis: str) -> BumpPolicy:
        """Return what holds for an axis."""
        return self.axes.get(axis, BumpPolicy()).over(self.defaults)

    def grace(self, axis: str) -> int:
        """Return for how many days the lines of an axis are built after their end of life."""
        return self.policy(axis).grace or 0


@dataclass(frozen=True, kw_only=True)
class Pin(FileModel):
    """Packages that are pinned to certain versions, for a reason and until a day."""

    reason: Annotated[Reason, Field(description="why they are pinned")]
    until: Annotated[Day, Field(description="when to look whether it is still needed, YYYY-MM-DD")]
    packages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The limits, by ecosystem and package: all keys that are not fields above."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: Any) -> Any:
        about = "a limit by package, as the ecosystem writes it: see pin-packages.md"
        value = Annotated[Mapping[str, str], Field(title="ecosystem", description=about)]
        return with_other_keys(cls, handler, other="packages", value=value)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return described(cls, handler.resolve_ref_schema(handler(schema)))
