"""The steps of every plan of a catalog."""

from __future__ import annotations

import re

from builder.ci.tasks import name_of, tasks
from builder.plan.models import Plan
from builder.project import Project
from tests.fakes.catalog import Folder, plan_of


def same_needs(plan: Plan, project: Project) -> bool:
    """Whether tasks and the steps of a plan are the same, with the same needs."""
    known = {task.step: set(task.needs) for task in tasks(project.expansion)}
    steps = plan.steps.values()
    return known == {it.id: set(it.needs) for it in steps if it.kind != "release"}


def test_every_step_of_a_plan_is_there_once_with_its_needs(folder: Folder) -> None:
    project = folder.load()
    assert same_needs(plan_of(project), project)
    found = [task.step for task in tasks(project.expansion)]
    assert len(found) == len(set(found)) == 11
    assert "release" not in found


def test_needs_come_before_what_needs_them(folder: Folder) -> None:
    seen: set[str] = set()
    for task in tasks(folder.load().expansion):
        assert seen.issuperset(task.needs), task.step
        seen.add(task.step)


def test_a_name_tells_its_step_and_no_two_steps_have_one() -> None:
    first, second = name_of("build:a/os=1"), name_of("build:a/os=1~")
    assert re.fullmatch("build-a-os-1-[0-9a-f]{8}", first)
    assert re.fullmatch("build-a-os-1-[0-9a-f]{8}", second)
    assert first != second
