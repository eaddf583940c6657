"""A patch of matrix.yaml: a named change of all charts that a selector picks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from builder.catalog.charts import SchemaKeywords, ValueFacts, ValueSpec
from builder.catalog.fields import NOT_IN_FILE, Day, FileModel, Flag, OneOrMany, Reason
from builder.common.errors import Location

_EXPECT = r"^\d{1,4}(\+|-\d{1,4})?$"


@dataclass(frozen=True, kw_only=True)
class ValueChange(SchemaKeywords, ValueFacts):
    """What a patch says otherwise of a value; `key: null` takes a key away."""

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

    def apply(self, spec: ValueSpec) -> ValueSpec:
        """Return the description of a value with this change."""
        said = {
            key: value
            for key, value in vars(self).items()
            if value is not None and key not in ("more_onyxia", "cleared")
        }
        changed = replace(spec, **said, **dict.fromkeys(self.cleared))
        if self.more_onyxia is None:
            return changed
        return replace(changed, onyxia={**(changed.onyxia or {}), **self.more_onyxia})


@dataclass(frozen=True, kw_only=True)
class Patch(FileModel):
    """A change of all charts that a selector picks."""

    name: Annotated[str, NOT_IN_FILE]
    charts: Annotated[
        OneOrMany, Field(description="the charts that it changes: a selector, or several")
    ]
    excepted: Annotated[
        OneOrMany, Field(alias="except", description="charts that it leaves alone")
    ] = ()
    expect: Annotated[
        str,
        StringConstraints(pattern=_EXPECT),
        Field(description="how many charts it selects: N, N+ or N-M"),
    ] = "1+"
    why: Annotated[Reason, Field(description="why they are changed")]
    until: Annotated[
        Day | None, Field(description="when to look whether it is still needed, YYYY-MM-DD")
    ] = None
    override: Annotated[
        Flag, Field(description="true: it may say otherwise than an earlier patch")
    ] = False
    values: Annotated[
        Mapping[str, ValueChange], Field(description="what their values are otherwise, by path")
    ] = field(default_factory=dict)
    more_features: Annotated[
        tuple[str, ...], Field(alias="features+", description="features that they get")
    ] = ()
    fewer_features: Annotated[
        tuple[str, ...], Field(alias="features-", description="features that they lose")
    ] = ()

    def expects(self, number: int) -> bool:
        """Whether it selects as many charts as it expects."""
        if self.expect.endswith("+"):
            return number >= int(self.expect[:-1])
        least, _, most = self.expect.partition("-")
        return int(least) <= number <= int(most or least)


@dataclass(frozen=True, kw_only=True)
class PatchedValue:
    """A change of one value of a chart, and the patch that makes it."""

    path: str
    change: ValueChange
    patch: str
    location: Location
