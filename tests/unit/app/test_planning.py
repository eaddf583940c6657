"""Plans of an app: with which lock, against which registry, and when they are refused."""

from __future__ import annotations

import pytest

from builder.common.errors import BuilderError, ConfigError, SelectionError
from builder.lock.lockfile import dump
from tests.fakes.catalog import LOCK, Folder, Week, with_package_sets

TREE = "recipe desk names tree, which is not in matrix.lock"


@pytest.fixture
def chosen(folder: Folder) -> None:
    """The lock has what each recipe asks for."""
    folder.write("matrix.lock", dump(with_package_sets(folder.load(), LOCK)))


@pytest.mark.usefixtures("chosen")
def test_a_recipe_that_was_edited_since_it_was_locked_is_refused(week: Week) -> None:
    week.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, tree]")
    app = week.app()
    with pytest.raises(BuilderError) as raised:
        app.fitting_lock()
    assert TREE in str(raised.value)
    with pytest.raises(BuilderError) as raised:
        app.plan(lock=app.locked())
    assert TREE in str(raised.value)


@pytest.mark.usefixtures("chosen")
def test_or_it_is_blocked(week: Week) -> None:
    week.folder.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, tree]")
    planned = week.app(block_unlocked=True).plan()
    blocked = {key: item.reason for key, item in planned.targets.items() if item.action == "block"}
    assert [*blocked] == ["desk/os=2,lang=1.10", "desk/os=1,lang=1.9"]
    assert all("tree" in reason for reason in blocked.values())


@pytest.mark.usefixtures("chosen")
def test_a_recipe_without_tests_is_refused(week: Week) -> None:
    (week.folder.root / "images/base/tests/test_base.py").unlink()
    with pytest.raises(BuilderError, match="image base has no tests"):
        week.app().plan()


def test_a_catalog_that_was_never_locked(week: Week) -> None:
    (week.folder.root / "matrix.lock").unlink()
    with pytest.raises(ConfigError) as raised:
        week.app().plan()
    assert str(raised.value) == "there is no matrix.lock\n  hint: run `builder lock`"


@pytest.mark.usefixtures("chosen")
def test_a_plan_that_is_run_is_for_what_the_engine_builds_for(week: Week) -> None:
    week.engine.platforms = ("linux/arm64",)
    app = week.app()
    assert {item.action for item in app.plan().targets.values()} == {"block"}
    assert {item.action for item in app.plan(to_run=False).targets.values()} == {"build"}


@pytest.mark.usefixtures("chosen")
def test_a_plan_of_a_change_builds_its_targets_alone_for_its_reasons(week: Week) -> None:
    reasons = {"desk/os=1,lang=1.9": "changed: context"}
    planned = week.app().plan([*reasons], reasons=reasons)
    builds = {key: step.reason for key, step in planned.steps.items() if step.kind == "build"}
    assert builds == {"build:desk/os=1,lang=1.9": "changed: context"}


@pytest.mark.usefixtures("chosen")
def test_nothing_is_selected(week: Week) -> None:
    with pytest.raises(SelectionError):
        week.app().plan(["nothing"])
