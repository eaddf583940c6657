"""What a catalog says of itself: what it stands on, how it is locked, and how long things stay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Literal

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
    one_or_many,
    with_other_keys,
)
from builder.common import limits
from builder.common.errors import ConfigError
from builder.oci.reference import check_registry

_GIT = re.compile(
    r"https://[A-Za-z0-9][!-?A-~]*|http://(localhost|127\.0\.0\.1)(:\d+)?/[!-~]*|file:///[!-~]+"
    r"|ssh://([A-Za-z0-9._-]+@)?[A-Za-z0-9][!-?A-~]*"
    r"|[A-Za-z0-9._-]+@[A-Za-z0-9][A-Za-z0-9.-]*:[!-,.-9;-~][!-~]*"
)
_REF = re.compile(r"(?!.*(\.\.|//|@\{))[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
FOLLOW_RELEASES: Final = "releases"


@dataclass(frozen=True, kw_only=True)
class Extends(FileModel):
    """A catalog that this one stands on: of a folder, a repository of git, or a registry."""

    path: Annotated[
        str,
        Field(
            min_length=1,
            description="its folder, seen from the folder of this file; with `git`, the folder in"
            " the repository",
        ),
    ] = ""
    git: Annotated[
        str,
        Field(description="the URL of a repository of git, e.g. https://git.example/catalog.git"),
    ] = ""
    oci: Annotated[
        str,
        Field(description="the repository in a registry to which its releases were pushed"),
    ] = ""
    ref: Annotated[
        str,
        Field(description="of git: a branch, a tag or a commit; of oci: a tag or a digest"),
    ] = ""
    name: Annotated[
        Name | None,
        Field(description="what messages call it; by default the last part of where it is"),
    ] = None
    follow: Annotated[
        Literal["releases", "commits"],
        Field(
            description="releases: only what a release was made from; commits: what `ref` names,"
            " released or not"
        ),
    ] = FOLLOW_RELEASES
    registry: Annotated[
        str,
        Field(description="where its images are; by default the first registry that it names"),
    ] = ""
    max_age: Annotated[
        Whole | None,
        Field(ge=1, description="days after which the weekly report calls it old"),
    ] = None
    automerge: Annotated[
        Literal["no", "clean"],
        Field(
            description="clean: the pull request for what is new in it is merged by itself where"
            " nobody needs to look"
        ),
    ] = "no"

    def __post_init__(self) -> None:
        """Raise ValueError for keys that do not go together."""
        if self.git and self.oci:
            raise ValueError("extends has `git` and `oci`: a catalog comes from one place")
        if not self.source:
            raise ValueError("extends lacks where the catalog is: `path`, `git` or `oci`")
        if self.oci and self.path:
            raise ValueError("`path` is not for `oci`: all of the artefact is the catalog")
        if self.ref and not (self.git or self.oci):
            raise ValueError("`ref` is for `git` and `oci`: a folder is read as it is")
        if self.git and _GIT.fullmatch(self.git) is None:
            raise ValueError(
                f"not a repository of git: {self.git!r}; write https://…, ssh://…, file:///… or"
                " user@host:path, without a password"
            )
        if self.ref and _REF.fullmatch(self.ref) is None and _DIGEST.fullmatch(self.ref) is None:
            raise ValueError(f"not a branch, a tag or a commit: {self.ref!r}")
        if self.git and self.path not in ("", "."):
            with _as_value():
                limits.check_name(self.path, "`path` in the repository", error=ConfigError)
        for place in filter(None, (self.oci, self.registry)):
            with _as_value():
                check_registry(place)

    @property
    def source(self) -> Mapping[str, str]:
        """Where it comes from, as matrix.lock has it."""
        said = {"git": self.git, "oci": self.oci, "ref": self.ref, "path": self.path}
        return {key: value for key, value in said.items() if value}

    @property
    def is_pinned(self) -> bool:
        """Whether matrix.lock says which content of it counts: a folder is read as it is."""
        return bool(self.git or self.oci)

    @property
    def default_name(self) -> str:
        """The name that it has where the file says none."""
        last = re.split(r"[/:]", (self.git or self.oci or self.path).rstrip("/"))[-1]
        return self.name or last.removesuffix(".git") or "upstream"


@contextmanager
def _as_value() -> Iterator[None]:
    """Raise as ValueError what is wrong with a text: it gets its place where the file is read."""
    try:
        yield
    except ConfigError as error:
        reason = f"{error.message}; write {error.hint}" if error.hint else error.message
        raise ValueError(reason) from error


StandsOn = Annotated[
    tuple[Extends, ...],
    one_or_many(Extends),
    Field(description="the catalog that this one stands on, or several, the lowest first"),
]


@dataclass(frozen=True, kw_only=True)
class Standing(FileModel):
    """What a file says of the catalogs that this one stands on."""

    extends: StandsOn = ()


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


@dataclass(frozen=True, kw_only=True)
class BelievedKey(FileModel):
    """A public key whose signatures are believed."""

    file: Annotated[
        str, Field(min_length=1, description="the public key in PEM, seen from this folder")
    ]
    until: Annotated[Day | None, Field(description="the last day on which it is believed")] = None


@dataclass(frozen=True, kw_only=True)
class SignWith(FileModel):
    """What signs."""

    key: Annotated[
        str,
        Field(
            min_length=1,
            description="the file of the private key in PEM; `${NAME}` is taken from the"
            " environment",
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class Trust(FileModel):
    """Who signs what is made, and whose signatures are believed."""

    profile: Annotated[
        Literal["plain", "signed"],
        Field(
            description="plain: nothing is signed; signed: what is pushed is signed, and only what"
            " a believed key signed is reused, built upon and released"
        ),
    ] = "plain"
    sign: Annotated[SignWith | None, Field(description="what signs, where something is pushed")] = (
        None
    )
    keys: Annotated[
        tuple[BelievedKey, ...],
        Field(description="who is believed; several, so that keys can be changed"),
    ] = ()
