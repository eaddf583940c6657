"""GitHub Actions: the workflows that keep a catalog, and what a run tells the system.

The workflows are plain files, from templates beside this module. How many levels the weekly run
has follows from the matrix. What is in each, and on how many machines, the run itself reads from
its plan: sizes may change without a new workflow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import jinja2

from builder.ci.shards import Shards
from builder.ci.systems import Follow
from builder.ci.tasks import Task
from builder.common.text import first_line
from builder.plan.resources import Resources

FOLDER = ".github/workflows"
NAMES = ("weekly.yml", "pr.yml", "bump.yml")
FOLLOWING = "upstream.yml"
COMMAND = "builder workflows"
CONTAINER = "debian:trixie"


class GitHub:
    """The CI system GitHub Actions."""

    most_jobs = 20
    """What GitHub runs at once for a free plan."""
    containers = (CONTAINER,)

    def workflows(
        self,
        levels: int,
        containers: Mapping[str, str] = MappingProxyType({}),
        *,
        follow: Follow | None = None,
        tasks: Sequence[Task] = (),
    ) -> dict[str, bytes]:
        """Return the workflows by path; `levels` is that of `shards.depth`.

        `containers` has the digest of the image that jobs run in, where the lock has it. `follow`
        is for a catalog that stands on others: one more workflow follows these.
        """
        digest = containers.get(CONTAINER)
        container = f"{CONTAINER}@{digest}" if digest else CONTAINER
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("builder", "ci/workflows"),
            undefined=jinja2.StrictUndefined,
            # GitHub's own expressions are `${{ … }}`.
            variable_start_string="[[",
            variable_end_string="]]",
            block_start_string="[%",
            block_end_string="%]",
            comment_start_string="[#",
            comment_end_string="#]",
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )
        facts = {"command": COMMAND, "container": container, "follow": follow}
        return {
            f"{FOLDER}/{name}": environment.get_template(f"{name}.j2")
            .render(levels=range(levels), **facts)
            .encode()
            for name in (*NAMES, *([FOLLOWING] if follow else []))
        }

    def jobs(
        self,
        levels: Sequence[Shards],
        *,
        resources: Mapping[str, Resources] = MappingProxyType({}),
    ) -> str:
        """Return the outputs of a job: the matrix of each level, `level-0={"include": […]}`."""
        lines = []
        for number, shards in enumerate(levels):
            include = [
                {"shard": f"{index} of {len(shards)}", "steps": " ".join(step.id for step in shard)}
                for index, shard in enumerate(shards, 1)
            ]
            matrix = json.dumps({"include": include}, separators=(",", ":"))
            lines.append(f"level-{number}={matrix}")
        return "\n".join(lines)

    def runs_here(self, environment: Mapping[str, str]) -> bool:
        """Whether a workflow of GitHub started this process."""
        return environment.get("GITHUB_ACTIONS") == "true"

    def finished(self, step: str, outcome: str, reason: str, *, is_failed: bool) -> str:
        """Return a group that holds the reason in full, after an error where the step failed."""
        error = f"::error title={step}::{first_line(reason)}\n" if is_failed else ""
        return f"{error}::group::{outcome}\n{reason}\n::endgroup::\n"

    def summary(self, environment: Mapping[str, str]) -> Path | None:
        """Return the file of the summary of a job."""
        name = environment.get("GITHUB_STEP_SUMMARY")
        return Path(name) if name else None


GITHUB = GitHub()
