"""What the jobs of a week are for, and what each may hold, whichever CI system runs them. Pure.

Code of others runs where `is_foreign` says so; what such a job hands over, another one verifies and
pushes. The modules of the systems say how each access is given there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    """What a job may do beyond its own machine: at most one of these."""

    NOTHING = "nothing"
    READ = "read the registry"
    WRITE = "write to the registry"
    GIT = "write to the repository"


VARIABLES = (
    "BUILDER_REGISTRIES",
    "BUILDER_BLOCK_UNLOCKED",
    "BUILDER_RUN",
    "BUILDER_TODAY",
)
"""What the builder is told in every job of a week that runs it: the registry, that what the lock
does not fit costs its own images alone, the run of which hand-overs are taken, and the day."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """A kind of job. `runs` are the commands of the builder that it is for."""

    access: Access
    is_foreign: bool = False
    runs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for a job that runs code of others and may write."""
        if self.is_foreign and self.access not in (Access.NOTHING, Access.READ):
            raise ValueError("code of others runs beside a credential that can write")


LOCK = Role(access=Access.READ, is_foreign=True, runs=("lock",))
PLAN = Role(access=Access.READ, runs=("workflows", "plan"))
BUILD = Role(access=Access.READ, is_foreign=True, runs=("step",))
PUBLISH = Role(access=Access.WRITE, runs=("push",))
RELEASE = Role(access=Access.WRITE, runs=("step",))
OFFER = Role(access=Access.GIT)
COMPARE = Role(access=Access.READ, is_foreign=True, runs=("upstream",))
CHECK = Role(access=Access.NOTHING, is_foreign=True, runs=("workflows", "plan", "lock", "build"))
VERDICT = Role(access=Access.NOTHING)
