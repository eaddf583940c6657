"""One plan, for every CI system: each step is there once, with its needs, and each job has what it
is for and no more.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from builder.ci.roles import (
    BUILD,
    LOCK,
    OFFER,
    PLAN,
    PUBLISH,
    RELEASE,
    VARIABLES,
    VERDICT,
    Access,
    Role,
)  # fmt: skip
from builder.ci.shards import Shards, depth, levels
from builder.ci.systems import CI_SYSTEMS, CISystem
from builder.ci.tasks import Task, key_of, tasks
from builder.plan.models import Step
from builder.plan.resources import Resources
from tests.fakes.catalog import Folder, plan_of

ASKED = Resources(memory=1000, memory_limit=2000, disk=3000)
Data = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What every system is given: the steps that plans can have, and those of a plan by level."""

    levels: tuple[tuple[Step, ...], ...]
    tasks: tuple[Task, ...]
    depth: int

    @property
    def needs(self) -> dict[str, set[str]]:
        """The needs of each step of the plan that are among its steps."""
        steps = {step.id: step for level in self.levels for step in level}
        return {name: set(step.needs) & steps.keys() for name, step in steps.items()}

    @property
    def shards(self) -> tuple[Shards, ...]:
        """The steps, each in a shard of its own."""
        return tuple(tuple((step,) for step in level) for level in self.levels)

    @property
    def resources(self) -> dict[str, Resources]:
        """What each step asks for."""
        return dict.fromkeys(self.needs, ASKED)


@dataclass(frozen=True, kw_only=True)
class Form:
    """What a system makes of a plan. `waits` are the steps that are in the registry before one."""

    steps: tuple[str, ...]
    waits: Mapping[str, set[str]]
    is_exact: bool = False  # whether a step waits for what it needs alone


@dataclass(frozen=True, kw_only=True)
class Job:
    """A rendered job of a week: what it runs, is told and may do."""

    access: Access
    text: str
    variables: set[str] = field(default_factory=set)


@pytest.fixture
def given(folder: Folder) -> Given:
    """A plan of the catalog of the tests."""
    project = folder.load()
    plan = plan_of(project)
    return Given(
        levels=levels(plan), tasks=tasks(project.expansion), depth=depth(project.expansion)
    )


# What each system makes of the plan.


def by_level(found: list[list[str]]) -> Form:
    """The form of a system in which a level waits for all levels below."""
    waits: dict[str, set[str]] = {}
    below: set[str] = set()
    for level in found:
        waits |= {step: set(below) for step in level}
        below |= set(level)
    return Form(steps=tuple(step for level in found for step in level), waits=waits)


def local(system: CISystem, given: Given) -> Form:
    lines = system.jobs(tuple((level,) for level in given.levels)).splitlines()
    words = [shlex.split(line) for line in lines]
    assert all(line[:2] == ["builder", "step"] for line in words)
    return by_level([line[2:] for line in words])


def github(system: CISystem, given: Given) -> Form:
    outputs = dict(line.split("=", 1) for line in system.jobs(given.shards).splitlines())
    jobs = yaml.safe_load(system.workflows(given.depth)[".github/workflows/weekly.yml"])["jobs"]
    found = []
    for number in range(len(outputs)):
        include = json.loads(outputs[f"level-{number}"])["include"]
        found.append([step for entry in include for step in entry["steps"].split()])
        for name in (f"level-{number}", f"publish-{number}"):
            matrix = jobs[name]["strategy"]["matrix"]
            assert matrix == f"${{{{ fromJSON(needs.plan.outputs.level-{number}) }}}}"
    return by_level(found)


def argo(system: CISystem, given: Given) -> Form:
    lines = system.jobs(given.shards, resources=given.resources).splitlines()
    told = dict(line.split("=") for line in lines)
    dag = {it["name"]: it for it in templates(system, given)["week"]["dag"]["tasks"]}
    by_name = {
        name: it["arguments"]["parameters"][0]["value"]
        for name, it in dag.items()
        if it["template"] in ("step", "chart")
    }
    assert sorted(by_name.values()) == sorted(task.step for task in given.tasks)
    done = {name: step for name, step in by_name.items() if told.get(f"do-{key_of(step)}")}
    waits = {}
    for name, step in done.items():
        names = set(re.findall(r"([\w-]+)\.Succeeded", dag[name]["depends"])) - {"plan"}
        assert (
            dag[name]["when"] == f"{{{{tasks.plan.outputs.parameters.do-{key_of(step)}}}}} == true"
        )
        waits[step] = {done[it] for it in names if it in done}
    return Form(steps=tuple(done.values()), waits=waits, is_exact=True)


def gitlab(system: CISystem, given: Given) -> Form:
    jobs = yaml.safe_load(system.jobs(given.shards, resources=given.resources))
    by_role = {
        kind: {name: job for name, job in jobs.items() if job["extends"] == f".{kind}"}
        for kind in ("build", "publish")
    }
    pushed = {}
    for name, job in by_role["publish"].items():
        (build,) = (need["job"] for need in job["needs"] if "pipeline" not in need)
        assert by_role["build"][build]["variables"]["STEPS"] == job["variables"]["STEPS"]
        pushed[name] = job["variables"]["STEPS"]
    assert len(pushed) == len(by_role["build"])
    waits = {
        job["variables"]["STEPS"]: {
            pushed[need["job"]] for need in job["needs"] if "pipeline" not in need
        }
        for job in by_role["build"].values()
    }
    steps = tuple(job["variables"]["STEPS"] for job in by_role["build"].values())
    return Form(steps=steps, waits=waits, is_exact=True)


FORMS: dict[str, Callable[[CISystem, Given], Form]] = {
    "local": local, "github": github, "argo": argo, "gitlab": gitlab,
}  # fmt: skip


def test_every_system_is_looked_at() -> None:
    assert FORMS.keys() == set(CI_SYSTEMS.built_in)
    assert {"local", *JOBS} == set(CI_SYSTEMS.built_in)


@pytest.mark.parametrize("name", FORMS)
def test_each_step_is_there_once_with_its_needs(name: str, given: Given) -> None:
    form = FORMS[name](CI_SYSTEMS.get(name), given)
    assert len(form.steps) > 8
    assert sorted(form.steps) == sorted(given.needs)
    for step, needs in given.needs.items():
        if form.is_exact:
            assert form.waits[step] == needs, step
        assert form.waits[step] >= needs, step
        assert step not in form.waits[step]


# What each job holds.


def templates(system: CISystem, given: Given) -> dict[str, Data]:
    files = system.workflows(given.depth, tasks=given.tasks)
    spec = yaml.safe_load(files["argo/catalog-week.yaml"])["spec"]
    return {template["name"]: template for template in spec["templates"]}


GITHUB_ROLES = {
    "plan": (LOCK, PLAN), "level-0": (BUILD,), "publish-0": (PUBLISH,), "release": (RELEASE,),
    "lock": (OFFER,),
}  # fmt: skip


def github_jobs(system: CISystem, given: Given) -> Iterator[tuple[tuple[Role, ...], Job]]:
    week = yaml.safe_load(system.workflows(given.depth)[".github/workflows/weekly.yml"])
    for name, roles in GITHUB_ROLES.items():
        job = week["jobs"][name]
        rights = {key for key, right in job["permissions"].items() if right == "write"}
        secrets = set(re.findall(r"secrets\.(\w+)", str(job)))
        access = Access.READ
        if "contents" in rights:
            assert not secrets
            access = Access.GIT
        elif "packages" in rights:
            access = Access.WRITE
            assert secrets == {"CATALOG_PASSWORD"}
        else:
            assert secrets == {"CATALOG_READ_PASSWORD"}
        steps = [step for step in job["steps"] if "run" in step]
        told = {key for step in steps for key in step.get("env", ())} | week["env"].keys()
        yield (
            roles,
            Job(
                access=access,
                text="\n".join(step["run"] for step in steps),
                variables={key for key in told if key.startswith("BUILDER_")},
            ),
        )


ARGO_ROLES = {
    "lock/work": LOCK, "lock/main": OFFER, "plan/main": PLAN, "step/work": BUILD,
    "chart/work": BUILD, "step/main": PUBLISH, "chart/main": PUBLISH, "release/main": RELEASE,
    "verdict/main": VERDICT,
}  # fmt: skip
ARGO_ACCESS = {
    "catalog-read": Access.READ, "catalog-write": Access.WRITE, "catalog-git": Access.GIT,
}  # fmt: skip


def argo_jobs(system: CISystem, given: Given) -> Iterator[tuple[tuple[Role, ...], Job]]:
    found = templates(system, given)
    for place, role in ARGO_ROLES.items():
        template, _, name = place.partition("/")
        (container,) = (
            it for it in found[template]["containerSet"]["containers"] if it["name"] == name
        )
        secrets = {
            volume["name"]: volume["secret"]["secretName"]
            for volume in found[template]["volumes"]
            if "secret" in volume
        }
        mounted = {secrets.get(mount["name"]) for mount in container["volumeMounts"]}
        # The kubeconfig of a cluster for tests is no right to write what the week makes.
        (access,) = [ARGO_ACCESS[it] for it in mounted if it in ARGO_ACCESS] or [Access.NOTHING]
        text = container["args"][0]
        told = {variable["name"] for variable in container["env"]}
        told |= set(re.findall(r"^export (\w+)", text, re.MULTILINE))
        yield (
            (role,),
            Job(
                access=access,
                text=text,
                variables={key for key in told if key.startswith("BUILDER_")}
                - {"BUILDER_CHART_TESTS"},
            ),
        )


GITLAB_ROLES = {
    "lock": LOCK, "plan": PLAN, ".build": BUILD, ".publish": PUBLISH, "release": RELEASE,
    "offer lock": OFFER, "verdict": VERDICT,
}  # fmt: skip
GITLAB_ACCESS = {
    "catalog-read": Access.READ, "catalog": Access.WRITE, "catalog-git": Access.GIT,
    None: Access.NOTHING,
}  # fmt: skip


def gitlab_jobs(system: CISystem, given: Given) -> Iterator[tuple[tuple[Role, ...], Job]]:
    files = system.workflows(given.depth).values()
    jobs = {key: job for data in files for key, job in yaml.safe_load(data).items()}
    for name, role in GITLAB_ROLES.items():
        text = jobs[name]["script"][0]
        yield (
            (role,),
            Job(
                access=GITLAB_ACCESS[jobs[name].get("environment", {}).get("name")],
                text=text,
                variables=set(re.findall(r"^export (BUILDER_\w+)", text, re.MULTILINE)),
            ),
        )


JOBS = {"github": github_jobs, "argo": argo_jobs, "gitlab": gitlab_jobs}
COMMAND = re.compile(r"^\s*(?:\.venv/bin/)?builder (\w+)", re.MULTILINE)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_what_it_is_for_and_no_more(name: str, given: Given) -> None:
    seen: list[Role] = []
    for roles, job in JOBS[name](CI_SYSTEMS.get(name), given):
        seen += roles
        assert {role.access for role in roles} == {job.access}, roles
        commands = set(COMMAND.findall(job.text)) - {"doctor"}
        assert commands == {command for role in roles for command in role.runs}, roles
        if commands:
            assert job.variables == set(VARIABLES), roles
        else:
            assert job.variables <= set(VARIABLES), roles
    wanted = [LOCK, PLAN, BUILD, PUBLISH, RELEASE, OFFER]
    assert all(role in seen for role in wanted)


def test_code_of_others_beside_a_credential_that_can_write_is_no_role() -> None:
    with pytest.raises(ValueError, match="code of others"):
        Role(access=Access.WRITE, is_foreign=True)
