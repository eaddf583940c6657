"""A plan as jobs of other machines."""

from __future__ import annotations

import random

import pytest

from builder.ci.shards import depth, divide, levels, pack
from builder.plan.models import Plan, RegistryState, Step
from tests.fakes.catalog import Folder, Week, plan_of
from tests.fakes.this_catalog import this_catalog


def steps(*names: str) -> list[Step]:
    return [
        Step(id=name, kind="build", target=name, needs=(), action="build", reason="")
        for name in names
    ]


def ids(shards: tuple[tuple[Step, ...], ...]) -> list[list[str]]:
    return [[step.id for step in shard] for shard in shards]


def check(plan: Plan) -> None:
    """Each step that does something is in one level, and what it needs in lower ones."""
    seen: set[str] = set()
    todo = {step.id for step in plan.steps.values() if step.action in ("fetch", "build", "package")}
    for level in levels(plan):
        assert level
        for step in level:
            assert seen.issuperset(todo.intersection(step.needs)), step.id
        seen |= {step.id for step in level}
    assert seen == todo
    assert "release" not in seen


def test_the_levels_of_a_catalog(folder: Folder) -> None:
    plan = plan_of(folder.load())
    check(plan)
    assert [[step.kind for step in level] for level in levels(plan)] == [
        2 * ["base"], 2 * ["build"], 4 * ["build"], 2 * ["build"], ["chart"],
    ]  # fmt: skip


def test_a_catalog_has_no_plan_deeper_than_it_is(folder: Folder) -> None:
    project = folder.load()
    assert depth(project.expansion) == len(levels(plan_of(project))) == 5
    folder.edit("matrix.yaml", "charts:\n  desk: {image: desk}\n", "")
    assert depth(folder.load().expansion) == 4


@pytest.mark.slow
def test_this_catalog_has_as_many_levels_as_it_is_deep() -> None:
    project = this_catalog()
    assert project.lock is not None
    plan = plan_of(project, lock=project.lock, registry_state=RegistryState(was_read=False))
    check(plan)
    assert 0 < len(levels(plan)) <= depth(project.expansion)


def test_what_is_there_takes_no_level(week: Week) -> None:
    week.go_by()
    assert levels(week.plan()) == ()
    week.folder.edit("images/desk/Dockerfile.j2", "/etc/", "/opt/")
    plan = week.plan()
    check(plan)
    assert [[step.kind for step in level] for level in levels(plan)] == [2 * ["build"], ["chart"]]


def test_the_longest_goes_first_to_the_one_that_has_least_to_do() -> None:
    seconds = {"a": 50.0, "b": 40.0, "c": 30.0, "d": 20.0, "e": 10.0}
    # a | b | c, then d to c, e to b: 50, 50, 50. Within a shard, the order is the plan's.
    packed = pack(steps("e", "d", "c", "b", "a"), seconds, 3)
    assert ids(packed) == [["a"], ["e", "b"], ["d", "c"]]


def test_no_shard_is_empty() -> None:
    assert ids(pack(steps("a", "b"), {"a": 1.0, "b": 1.0}, 5)) == [["a"], ["b"]]
    assert pack((), {}, 3) == ()


def test_steps_of_no_known_length_are_dealt_out_by_number() -> None:
    assert ids(pack(steps("a", "b", "c", "d"), {}, 2)) == [["a", "c"], ["b", "d"]]


@pytest.mark.parametrize("seed", range(20))
def test_shards_take_about_as_long_and_the_order_given_does_not_matter(seed: int) -> None:
    dice = random.Random(seed)
    names = [f"s{number}" for number in range(dice.randint(1, 60))]
    seconds = {name: dice.uniform(1, 600) for name in names}
    shards = dice.randint(1, 12)
    given = steps(*names)
    packed = pack(given, seconds, shards)
    assert sorted(step.id for shard in packed for step in shard) == sorted(names)
    loads = [sum(seconds[step.id] for step in shard) for shard in packed]
    # No shard was given a step while another had less to do.
    assert max(loads) <= sum(loads) / shards + max(seconds.values())
    dice.shuffle(given)
    again = pack(given, seconds, shards)
    assert [{step.id for step in shard} for shard in again] == [
        {step.id for step in shard} for shard in packed
    ]


def test_there_are_as_many_shards_as_there_is_work_for() -> None:
    names = [f"s{number:03}" for number in range(200)]
    hour = dict.fromkeys(names, 3600.0)
    assert len(divide(steps(*names), hour, most=20)) == 20
    assert len(divide(steps(*names[:2]), hour, most=20)) == 2
    minute = dict.fromkeys(names, 60.0)
    assert len(divide(steps(*names[:30]), minute, most=20, worth=900.0)) == 2
    assert len(divide(steps(*names[:3]), {}, most=20, worth=900.0)) == 1
