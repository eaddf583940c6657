"""Every recipe of the catalog that can be built here, and its broken variant. Heavy.

Works on the project's own `build/`, so that what `make run-all` built is not built again.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from builder.app.app import App
from builder.app.load import load
from builder.app.options import Options
from builder.lock.requests import unlocked_line
from builder.project import Workspace
from tests.integration.broken import check_rejected
from tests.integration.starter import BUILDER, ROOT, TODAY

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]
PROJECT = Workspace(ROOT).load()
RECIPES = sorted({image.recipe for image in PROJECT.catalog.matrix.images.values()})


def first_target(recipe: str) -> str:
    """The first target of a recipe, and of what it is built from, whose lines are all locked."""
    lock = PROJECT.lock
    assert lock is not None
    expansion, matrix = PROJECT.expansion, PROJECT.catalog.matrix
    needs = expansion.needs

    def is_known(key: str) -> bool:
        target = expansion.targets.get(key)
        if target is None:
            return True
        return not unlocked_line(target.variant.values, matrix, lock) and all(
            is_known(item) for item in needs[key]
        )

    for key, target in expansion.targets.items():
        if target.recipe == recipe and is_known(key):
            return key
    return pytest.skip(f"no target of recipe {recipe} can be built: its lines are not locked")


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_recipe_is_built_and_its_broken_variant_rejected(recipe: str, tmp_path: Path) -> None:
    target = first_target(recipe)
    done = subprocess.run(
        [BUILDER, "build", "--root", ROOT, "--engine", "podman", "-s", target],
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    app = App(load(ROOT), Options(today=TODAY, engine="podman"))
    with app.registry():
        planned = app.plan(lock=app.locked(), to_run=False)
        plan = planned.plan
        work = app.context(planned, print)
        check_rejected(app, work, plan.targets[target], tmp_path)
