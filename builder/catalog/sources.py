"""Where matrix.yaml says that images and charts of others come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from builder.catalog.fields import FileModel, Name, ReleaseLineName, SuiteName


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
class UpstreamChart(FileModel):
    """A chart of an upstream: a dependency of ours, locked by the hash of its package."""

    repository: Annotated[
        str,
        Field(description="a chart repository, https://… or oci://…", pattern=r"^(https?|oci)://"),
    ]
    name: Annotated[Name, Field(description="what it is called there")]
    release_line: Annotated[
        ReleaseLineName, Field(description="how its versions begin; all but pre-releases")
    ] = ""
