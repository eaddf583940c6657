"""What a catalog says of known vulnerabilities: what holds an image back, and what is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from builder.catalog.fields import Day, Days, FileModel, Reason

CRITICAL, HIGH, MEDIUM, LOW, UNKNOWN = SEVERITIES = ("critical", "high", "medium", "low", "unknown")
"""The severities, the worst first; unknown counts as high until it is two weeks old."""
MALICIOUS = "malicious"
When = Literal["always", "fixed", "never"]


@dataclass(frozen=True, kw_only=True)
class Database(FileModel):
    """Where the advisories are."""

    folder: Annotated[
        str, Field(description="the folder of the database; by default osv in the state folder")
    ] = ""
    max_age: Annotated[
        Days, Field(description="the days after which an older database is said to be old")
    ] = 3


@dataclass(frozen=True, kw_only=True)
class Blocking(FileModel):
    """Which findings hold an image back: always, only where a fixed version exists, or never."""

    malicious: Annotated[When, Field(description="packages that are known to be malicious")] = (
        "always"
    )
    critical: Annotated[When, Field(description="from a score of 9.0 on")] = "fixed"
    high: Annotated[When, Field(description="from a score of 7.0 on")] = "fixed"
    medium: Annotated[When, Field(description="from a score of 4.0 on")] = "never"
    low: Annotated[When, Field(description="all other scores")] = "never"
    unknown: Annotated[
        When, Field(description="those without a score, when two weeks have passed")
    ] = "never"


@dataclass(frozen=True, kw_only=True)
class Accepted(FileModel):
    """A finding that holds nothing back, for a reason and until a day."""

    id: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z][A-Za-z0-9]*-[A-Za-z0-9:._-]+$",
            description="of the advisory, or an alias of it",
            examples=["CVE-2026-1234"],
        ),
    ]
    reason: Annotated[Reason, Field(description="why it is accepted")]
    by: Annotated[Reason, Field(description="who accepted it")]
    until: Annotated[Day, Field(description="the last day on which it holds, YYYY-MM-DD")]
    status: Annotated[
        Literal["accepted", "not_affected"], Field(description="not_affected: it does no harm here")
    ] = "accepted"
    justification: Annotated[
        Literal[
            "",
            "component_not_present",
            "vulnerable_code_not_present",
            "vulnerable_code_not_in_execute_path",
            "vulnerable_code_cannot_be_controlled_by_adversary",
            "inline_mitigations_already_exist",
        ],
        Field(description="why it does no harm, in the words of VEX"),
    ] = ""
    packages: Annotated[
        tuple[str, ...],
        Field(description="globs over TYPE/NAME or TYPE/NAME@VERSION; by default every package"),
    ] = ()
    images: Annotated[
        tuple[str, ...], Field(description="globs over images or ids; by default every image")
    ] = ()


@dataclass(frozen=True, kw_only=True)
class Security(FileModel):
    """What is done about known vulnerabilities."""

    database: Annotated[Database, Field(description="the database of advisories")] = field(
        default_factory=Database
    )
    mode: Annotated[
        Literal["report", "regress", "strict"],
        Field(
            description="report: nothing is held back; regress: what the release has not already;"
            " strict: whatever is found"
        ),
    ] = "report"
    block: Annotated[Blocking, Field(description="which findings hold an image back")] = field(
        default_factory=Blocking
    )
    grace: Annotated[
        Mapping[Literal["critical", "high", "medium", "low", "unknown"], Days],
        Field(description="days for which a finding with a fix holds nothing back, by severity"),
    ] = field(default_factory=dict)
    exceptions: Annotated[
        tuple[Accepted, ...], Field(description="findings that are accepted until a day")
    ] = ()
