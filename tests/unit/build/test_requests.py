"""What a target is tested with: the privileges of its container."""

from __future__ import annotations

import pytest

from builder.build.requests import Requests
from tests.fakes.catalog import Folder, Week

DESK = "desk/os=2,lang=1.10"


@pytest.mark.parametrize(
    ("file", "after", "says", "restricted"),
    [
        ("images/desk/recipe.yaml", "summary: A desk\n", "", {"base": True, "desk": True}),
        (
            "images/desk/recipe.yaml",
            "summary: A desk\n",
            "privileges: its tests mount a disk\n",
            {"base": True, "desk": False},
        ),
        (
            "images/base/recipe.yaml",
            "summary: The base\n",
            "privileges: its tests mount a disk\n",
            {"base": False, "desk": False},
        ),
        ("matrix.yaml", "catalog:\n", "  sudo: true\n", {"base": False, "desk": False}),
    ],
    ids=["by itself", "of its recipe", "of its parent", "of the matrix"],
)
def test_tests_run_with_no_more_privileges_than_a_chart_gives(
    folder: Folder, week: Week, file: str, after: str, says: str, restricted: dict[str, bool]
) -> None:
    folder.edit(file, after, after + says)
    plan = week.plan()
    requests = Requests(week.work(plan))
    found = {
        target.partition("/")[0]: requests.smoke(item, "image", folder.root / "log").is_restricted
        for target, item in plan.targets.items()
    }
    assert {name: found[name] for name in restricted} == restricted
