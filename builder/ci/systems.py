"""The CI systems: what each generates, is told while a run goes on, and is recognised by.

Add one to `CI_SYSTEMS`; what an installed package adds is loaded where an option names it. The
commands, the tests and docs/extend.md read this table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from builder.common.plugins import Plugins

if TYPE_CHECKING:  # the options of every command read this table, and plans take time to import
    from builder.ci.shards import Shards
    from builder.ci.tasks import Task
    from builder.plan.resources import Resources

AUTO = "auto"
"""In the place of a name: the CI system in which this process runs, if it is one of the table."""


@dataclass(frozen=True, kw_only=True)
class Follow:
    """How a catalog follows those that it stands on.

    `automerge` says that what they change is merged where nobody needs to look.
    """

    automerge: bool = False


class CISystem(Protocol):
    """A CI system. What it returns is printed or written by the commands."""

    most_jobs: int
    """How many jobs of one level it runs at once."""
    containers: tuple[str, ...]
    """The images of Docker Hub that its jobs run in, `name:tag`, which `builder lock` locks."""

    def workflows(
        self,
        levels: int,
        containers: Mapping[str, str] = MappingProxyType({}),
        *,
        follow: Follow | None = None,
        tasks: Sequence[Task] = (),
    ) -> Mapping[str, bytes]:
        """Return the files that keep a catalog, by path; `levels` is that of `shards.depth`.

        `containers` has the digests of those images, as far as they are locked. `follow` is given
        for a catalog that stands on others only. `tasks` are the steps that plans can have, with
        their needs, for a system that has a job for each. What a job may hold, `roles` says.
        """

    def jobs(
        self,
        levels: Sequence[Shards],
        *,
        resources: Mapping[str, Resources] = MappingProxyType({}),
    ) -> str:
        """Return the jobs of a plan as the system reads them; "" where there is nothing to do.

        `resources` says what each of its steps asks for, by id. Raises ConfigError for a plan that
        the system does not take.
        """

    def runs_here(self, environment: Mapping[str, str]) -> bool:
        """Whether the variables of a process say that this system started it."""

    def finished(self, step: str, outcome: str, reason: str, *, is_failed: bool) -> str:
        """Return the lines for the log that say how a step ended.

        `outcome` is one line about it, `reason` is all that is known.
        """

    def summary(self, environment: Mapping[str, str]) -> Path | None:
        """Return the file to which a report in Markdown is appended, or nothing."""


@runtime_checkable
class Described(Protocol):
    """A CI system with a JSON schema of what it takes, in its source as `schema_file`.

    `title` is what people call it, `oldest` the first version that takes all that is written.
    """

    title: str
    schema_file: str
    oldest: str

    def lacking(self, files: Mapping[str, bytes], schema: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what `files` have and the schema of a version lacks.

        Raises KeyError, TypeError or AttributeError where it is no schema of this system.
        """


CI_SYSTEMS: Plugins[CISystem] = Plugins(
    noun="CI system",
    group="catalog_builder.ci",
    kind=CISystem,
    built_in={
        "github": "builder.ci.github:GITHUB",
        "argo": "builder.ci.argo:ARGO",
        "gitlab": "builder.ci.gitlab:GITLAB",
        "local": "builder.ci.local:LOCAL",
    },
)


def running_in(
    environment: Mapping[str, str], name: str = AUTO, *, catalog: Path | None = None
) -> CISystem | None:
    """Return the CI system `name`, or the built-in one whose variables are set, or nothing."""
    if name != AUTO:
        return CI_SYSTEMS.get(name, catalog=catalog)
    built_in = (CI_SYSTEMS.get(built_in_name) for built_in_name in CI_SYSTEMS.built_in)
    return next((system for system in built_in if system.runs_here(environment)), None)
