"""Where matrix.yaml says that charts of others come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from builder.catalog.fields import FileModel, Name, ReleaseLineName


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
