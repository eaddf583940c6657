"""The child pipeline of a week: two jobs for each step, with the needs of the plan. Pure.

The first one builds and tests, the second one verifies and pushes. Where that would be more jobs
than GitLab takes in a pipeline, steps of a level share jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.ci.shards import Shards
from builder.ci.tasks import name_of
from builder.ci.yaml_text import yaml_text
from builder.common.errors import ConfigError
from builder.plan.models import Step
from builder.plan.resources import Resources

MOST_JOBS = 500
"""What GitLab.com takes in a pipeline of its free plan. Other instances may set another limit."""
MOST_NEEDS = 50
"""What GitLab takes as `needs` of a job, where nobody has set another limit."""
LONGEST_NAME = 128
"""The characters of a job's name that `needs` takes, also of a GitLab before 16.6."""
BUILD, PUBLISH = "build", "publish"
_PLANNED = {"pipeline": "$PARENT_PIPELINE_ID", "job": "plan", "artifacts": True}
Data = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Steps that share a job. `needs` are the names of the groups that come first."""

    name: str
    steps: tuple[Step, ...]
    needs: tuple[str, ...]


def week(levels: Sequence[Shards], resources: Mapping[str, Resources]) -> str:
    """Return the pipeline as YAML, "" where there is nothing to do.

    Raises ConfigError where it is larger than GitLab takes.
    """
    found = groups(levels)
    if not found:
        return ""
    pipeline: Data = {}
    for group in found:
        # What failed below costs what stands on it, and nothing else that shares its job.
        shared: Data = {"when": "always"} if any(len(it.steps) > 1 for it in found) else {}
        steps = " ".join(step.id for step in group.steps)
        first = [{"job": f"{PUBLISH} {name}", "artifacts": False} for name in group.needs]
        build = f"{BUILD} {group.name}"
        pipeline[build] = {
            "extends": f".{BUILD}",
            **shared,
            "needs": [_PLANNED, *first],
            "variables": {"STEPS": steps, **_asked(group.steps, resources)},
        }
        pipeline[f"{PUBLISH} {group.name}"] = {
            "extends": f".{PUBLISH}",
            **shared,
            "needs": [_PLANNED, {"job": build, "artifacts": True}],
            "variables": {"STEPS": steps},
        }
    return yaml_text([pipeline]).rstrip("\n")


def groups(levels: Sequence[Shards]) -> tuple[Group, ...]:
    """Return a group for each step, or for each shard where those would be too many jobs.

    Raises ConfigError where these are too many, too, or where one needs too many others.
    """
    steps = [step for level in levels for shard in level for step in shard]
    by_name: dict[str, tuple[Step, ...]] = {name_of(step.id): (step,) for step in steps}
    is_shared = 2 * len(by_name) > MOST_JOBS
    if is_shared:
        by_name = dict(_shared(levels))
    group_of = {step.id: name for name, members in by_name.items() for step in members}
    needs: dict[str, tuple[str, ...]] = {}
    for name, members in by_name.items():
        wanted = dict.fromkeys(
            group_of[need] for step in members for need in step.needs if need in group_of
        )
        needs[name] = _first(wanted, needs) if is_shared else tuple(wanted)
    _check(needs)
    return tuple(
        Group(name=name, steps=members, needs=needs[name]) for name, members in by_name.items()
    )


def _shared(levels: Sequence[Shards]) -> Iterator[tuple[str, tuple[Step, ...]]]:
    for number, shards in enumerate(levels):
        for index, shard in enumerate(shards, 1):
            yield f"level {number} ({index} of {len(shards)})", shard


def _first(wanted: Mapping[str, None], needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Leave out what another one of the wanted waits for anyway."""
    below: set[str] = set()
    pending = [need for name in wanted for need in needs[name]]
    while pending:
        name = pending.pop()
        if name not in below:
            below.add(name)
            pending += needs[name]
    return tuple(name for name in wanted if name not in below)


def _asked(steps: Sequence[Step], resources: Mapping[str, Resources]) -> Data:
    """Return what a runner in a cluster reads, if it lets jobs say it: the most of any step."""
    asked = [resources[step.id] for step in steps if step.id in resources]
    if not asked:
        return {}
    return {
        "KUBERNETES_MEMORY_REQUEST": f"{max(it.memory for it in asked)}Mi",
        "KUBERNETES_MEMORY_LIMIT": f"{max(it.memory_limit for it in asked)}Mi",
        "KUBERNETES_EPHEMERAL_STORAGE_REQUEST": f"{sum(it.disk for it in asked)}Mi",
    }


def _check(needs: Mapping[str, tuple[str, ...]]) -> None:
    """Raise ConfigError where a pipeline is larger than GitLab takes."""
    hint = "builder plan --format gitlab --shard-seconds N, with a larger N: more steps share a job"
    if 2 * len(needs) > MOST_JOBS:
        message = f"the plan has {2 * len(needs)} jobs, and GitLab takes {MOST_JOBS} in a pipeline"
        raise ConfigError(message, hint=hint)
    for name, wanted in needs.items():
        if len(wanted) + 1 > MOST_NEEDS:
            raise ConfigError(
                f"the job {name!r} needs {len(wanted) + 1} others, and GitLab takes {MOST_NEEDS}",
                hint=hint,
            )
        if len(f"{PUBLISH} {name}") > LONGEST_NAME:
            raise ConfigError(
                f"the job '{PUBLISH} {name}' has a name of more than {LONGEST_NAME} characters",
                hint="give the image a shorter name",
            )
