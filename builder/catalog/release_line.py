"""Release lines, as matrix.yaml has them: the values of axes, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field

from builder.catalog.constraints import matches, with_names
from builder.catalog.fields import (
    NOT_IN_FILE,
    Constraint,
    Day,
    FileModel,
    Flag,
    Name,
    PlatformName,
    ReleaseLineName,
    SuiteName,
)
from builder.catalog.ids import ValueId


@dataclass(frozen=True, kw_only=True)
class Source(FileModel):
    """One source of a base: an image of a registry, a bootstrapped suite, or one to mirror."""

    registry: Annotated[
        str | None, Field(description="an image, e.g. docker.io/library/debian:trixie-slim")
    ] = None
    bootstrap: Annotated[SuiteName | None, Field(description="a suite of Debian, e.g. trixie")] = (
        None
    )
    image: Annotated[
        str | None,
        Field(
            description="a repository whose newest tag of the release line is mirrored as it is,"
            " e.g. docker.io/library/mongo"
        ),
    ] = None

    expired: Annotated[
        Flag,
        Field(
            description="true: a suite whose indexes have expired is taken too: that of a mirror"
            " which lags behind testing"
        ),
    ] = False

    @property
    def given(self) -> dict[str, str]:
        """What the file says, by kind; just one kind is valid."""
        kinds = {"registry": self.registry, "bootstrap": self.bootstrap, "image": self.image}
        return {kind: value for kind, value in kinds.items() if value is not None}

    @property
    def kind(self) -> str:
        """`registry`, `bootstrap` or `image`."""
        return next(iter(self.given), "")

    @property
    def value(self) -> str:
        """Its reference, its suite, or its repository."""
        return self.given.get(self.kind, "")

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


@dataclass(frozen=True, kw_only=True)
class LineProvider(FileModel):
    """One of several providers of a release line, and the variants that it can serve."""

    provider: Annotated[Name, Field(description="where its packages come from, e.g. apt")]
    requires: Annotated[Constraint, Field(description="values of other axes that it needs")] = (
        field(default_factory=dict)
    )
    only: Annotated[
        Constraint, Field(description="values of other axes that it is combined with")
    ] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AxisValue(FileModel):
    """A release line: one value of an axis."""

    axis: Annotated[str, NOT_IN_FILE]
    name: Annotated[str, NOT_IN_FILE]
    provider: Annotated[
        Name | None, Field(description="where its packages come from, e.g. apt")
    ] = None
    providers: Annotated[
        tuple[LineProvider, ...],
        Field(
            description="in place of `provider`, `requires` and `only`: several, in order of"
            " preference; the first that has it serves a base, and the lock stays with that one"
        ),
    ] = ()
    release_line: Annotated[
        ReleaseLineName,
        Field(
            description="what the provider calls it, or how the tags of its image begin, where that"
            " is not its name"
        ),
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
        Day | None,
        Field(
            description="its end of life, YYYY-MM-DD: the last day on which it is built, but for"
            " days of `grace`"
        ),
    ] = None
    sources: Annotated[
        tuple[Source, ...], Field(description="where a base comes from, best first")
    ] = ()
    preview: Annotated[
        Flag,
        Field(
            description="true: not yet stable; it is never the default, never `latest`, and last in"
            " charts"
        ),
    ] = False

    @property
    def provider_names(self) -> tuple[str, ...]:
        """The providers that it may come from."""
        names = (self.provider, *(one.provider for one in self.providers))
        return tuple(name for name in names if name is not None)

    def with_names(self, axes: Mapping[str, tuple[AxisValue, ...]]) -> AxisValue:
        """Return the same value with names in its constraints, and in those of its providers."""
        return replace(
            self,
            requires=with_names(self.requires, axes),
            only=with_names(self.only, axes),
            providers=tuple(
                replace(
                    one, requires=with_names(one.requires, axes), only=with_names(one.only, axes)
                )
                for one in self.providers
            ),
        )

    @property
    def alternatives(self) -> tuple[AxisValue, ...]:
        """The value as each of its providers serves it, in order of preference."""
        if not self.providers:
            return (self,)
        return tuple(
            replace(self, providers=(), provider=one.provider, requires=one.requires, only=one.only)
            for one in self.providers
        )

    def fitting(self, values: Mapping[str, str]) -> tuple[AxisValue, ...]:
        """Return the alternatives whose constraints a variant with these values meets."""
        return tuple(
            one
            for one in self.alternatives
            if matches(one.requires, values) and matches(one.only, values)
        )

    def served(self, values: Mapping[str, str], providers: Mapping[str, str]) -> AxisValue:
        """Return the value as it is served in a variant: by the locked provider, else the first.

        `providers` are those of the lock, by `axis=value`.
        """
        fitting = self.fitting(values) or self.alternatives
        locked = providers.get(self.id)
        return next((one for one in fitting if one.provider == locked), fitting[0])

    @property
    def id(self) -> str:
        """`axis=value`."""
        return ValueId.of(self.axis, self.name)

    @property
    def upstream(self) -> str:
        """The release line as its provider calls it."""
        return self.release_line or self.name

    @property
    def is_mirrored(self) -> bool:
        """Whether it is an image of an upstream, of which nothing is built."""
        return any(source.kind == "image" for source in self.sources)
