"""What a change of many images costs on top of them, and in a recipe below."""

from __future__ import annotations

import pytest

from builder.lock.lockfile import Lock
from builder.plan.placement_cost import Cost, placements
from builder.report.placement_cost import cost_lines
from tests.fakes.catalog import LOCK, Folder, Week

LINES = ("os=2,lang=1.10", "os=1,lang=1.9")
TOPS = {
    "images/trust/recipe.yaml": "summary: What we trust\nbudget: 2 MB\n",
    "images/trust/Dockerfile.j2": "FROM {{ parent }}\n",
    "images/words/recipe.yaml": "summary: Words\nneeds: [lang]\n",
    "images/words/Dockerfile.j2": "FROM {{ parent }}\n",
}


@pytest.fixture
def topped(folder: Folder) -> Folder:
    """The catalog, with a recipe on top of all that it offers, and another on its desks."""
    for path, text in TOPS.items():
        folder.write(path, text)
    folder.edit("matrix.yaml", "axes: [os]}", "axes: [os], top: [trust]}")
    folder.edit("matrix.yaml", "axes: [lang]}", "axes: [lang], top: [trust]}")
    folder.edit("matrix.yaml", "inputs: [tool]}", "inputs: [tool], top: [trust, words]}")
    return folder


def costs(folder: Folder, lock: Lock = LOCK) -> dict[str, tuple[Cost, Cost]]:
    project = folder.load()
    found = placements(project.catalog, project.expansion, lock, None)
    return {item.change: (item.here, item.there) for item in found}


def test_on_top_it_is_a_target_for_each_image_and_below_all_that_stands_on_it(
    topped: Folder,
) -> None:
    here, there = costs(topped)["top trust"]
    assert (here.place, here.targets, here.size, here.unknown) == (
        "on top of 3 images", 6, 12_000_000, 0,
    )  # fmt: skip
    # Two of each of base, tool, speech and desk, and the other top recipe of both desks.
    assert (there.place, there.targets, there.unknown) == ("in base", 10, 10)
    assert here.minutes < there.minutes


def test_below_is_the_first_image_that_has_all_that_they_share_and_it_needs(topped: Folder) -> None:
    here, there = costs(topped)["top words"]
    assert (here.place, here.targets) == ("on top of 1 image", 2)
    # speech and desk, and trust on each.
    assert (there.place, there.targets) == ("in speech", 8)


def test_a_patch_of_packages_is_compared_with_the_top_of_what_is_offered(folder: Folder) -> None:
    text = "patches: {p: {recipes: base, why: w, packages+: {apt: [lamp]}}}\n"
    folder.edit("matrix.yaml", "charts:\n", f"{text}charts:\n")
    here, there = costs(folder)["patch p"]
    assert (here.place, here.targets, here.unknown) == ("in base", 8, 8)
    assert (there.place, there.targets, there.unknown) == ("on top of 3 images", 6, 6)
    assert there.minutes < here.minutes


@pytest.mark.slow
def test_what_a_release_knows_counts(topped: Folder) -> None:
    week = Week(folder=topped)
    week.go_by()
    record, project = week.observed().record, topped.load()
    assert record is not None
    (trust, _) = placements(project.catalog, project.expansion, LOCK, record)
    assert trust.here.size == sum(
        record.targets[f"{name}/{values}"].added
        for name, lines in (("base", ("os=2", "os=1")), ("speech", LINES))
        for values in lines
    ) + sum(record.targets[f"desk/{values}~trust"].added for values in LINES)
    assert trust.there.unknown == 0


def test_they_are_shown_as_a_table(topped: Folder) -> None:
    project = topped.load()
    lines = cost_lines(placements(project.catalog, project.expansion, LOCK))
    assert lines[:3] == (
        "CHANGE     WHERE               TARGETS  MB                                MINUTES",
        "top trust  on top of 3 images  6        12                                4",
        "  or       in base             10       0 and 10 targets of unknown size  9",
    )
    assert cost_lines(()) == (
        "no image has a top recipe, and no patch adds packages: nothing to compare",
    )
