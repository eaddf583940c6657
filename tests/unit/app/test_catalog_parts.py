"""Who brought what of a target and of a chart, where a catalog stands on another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.catalog_parts import CatalogPart, PartFinder
from builder.lock.lockfile import VersionLock, dump
from tests.fakes.catalog import LOCK, Folder, prints
from tests.unit.overlay.test_overlay import TWO_LINES, load, mine

OWN = """\
charts:
  desk: {features: [more]}
patches:
  lamps: {recipes: [desk], packages+: {apt: [lamp]}, when: {os=1: {packages+: {apt: [nail]}}},
    why: we read at night}
  plans: {charts: "*", features+: [plan], why: all of them show it}
"""
FILES = {
    "images/desk/recipe.yaml": "packages:\n  apt+: [chair]\n",
    "images/desk/files/desk.conf": "wood = elm\n",
    "images/desk/files/lamp.conf": "on\n",
    "images/base/tests/test_more.py": "def test_more(host): ...\n",
    "images/base/tests/.skip": "test_base: it is slow\n",
    "charts/features/core/templates/own.yaml": "kind: Own\n",
    "charts/features/more/feature.yaml": "summary: More\nvalues: {}\n",
    "charts/features/plan/feature.yaml": "summary: Plan\nvalues: {}\n",
    "charts/features/plan/templates/plan.yaml": "kind: Plan\n",
}


@pytest.fixture
def finder(tmp_path: Path) -> PartFinder:
    shop = Folder(tmp_path / "shop")
    shop.write("matrix.lock", dump(LOCK))
    workspace = mine(shop, TWO_LINES + OWN, FILES)
    lines = {"lang=1.9": VersionLock(version="1.9.8")}
    workspace.write_lock(replace(LOCK, release_lines={**LOCK.release_lines, **lines}))
    return PartFinder(files=workspace.files, project=load(workspace))


def told(parts: Iterable[CatalogPart]) -> list[tuple[str, ...]]:
    return [
        tuple(filter(None, (part.section, part.name, part.catalog, part.place, part.note)))
        for part in parts
    ]


def test_the_parts_of_a_target(finder: PartFinder) -> None:
    found = prints(finder.project)["desk/os=1,lang=1.9"]
    target = finder.project.expansion.targets["desk/os=1,lang=1.9"]
    assert told(finder.of_target(target, found.variables)) == [
        ("packages", "apt desk", "shop", "images/desk/recipe.yaml:3:9"),
        ("packages", "apt chair", "mine", "images/desk/recipe.yaml:2:10"),
        ("packages", "apt lamp", "mine", "matrix.yaml:6:46", "patch lamps: we read at night"),
        ("packages", "apt legs", "shop", "images/desk/recipe.yaml:5:27"),
        ("packages", "apt nail", "mine", "matrix.yaml:6:86", "patch lamps: we read at night"),
        ("files", "images/desk/Dockerfile.j2", "shop"),
        ("files", "images/desk/files/desk.conf", "mine", "in the place of that of shop"),
        ("files", "images/desk/files/lamp.conf", "mine"),
        ("files", "images/desk/recipe.yaml", "shop, mine"),
        ("lock", "release lines lang=1.9", "mine", "own"),
        ("tests", "test_base", "mine", "images/base/tests/.skip:1:1", "skipped: it is slow"),
        ("tests", "images/base/tests/test_base.py", "shop"),
        ("tests", "images/base/tests/test_more.py", "mine"),
        ("tests", "images/speech/tests/test_speech.py", "shop"),
    ]
    base = finder.project.expansion.targets["base/os=1"]
    assert ("lock", "bases os=1@linux/amd64", "shop", "inherited") in told(
        finder.of_target(base, found.variables)
    )


def test_the_parts_of_a_chart(finder: PartFinder) -> None:
    chart = finder.project.catalog.matrix.charts["desk"]
    assert told(finder.of_chart(chart)) == [
        ("features", "core", "shop", "charts/desk/chart.yaml:5:12"),
        ("features", "more", "mine", "matrix.yaml:4:21"),
        ("features", "plan", "mine", "matrix.yaml:8:36", "patch plans: all of them show it"),
        ("files", "charts/features/core/feature.yaml", "shop"),
        ("files", "charts/features/core/templates/own.yaml", "mine"),
        ("files", "charts/features/core/templates/pod.yaml", "shop"),
        ("files", "charts/features/more/feature.yaml", "mine"),
        ("files", "charts/features/plan/: 2 files", "mine"),
        ("files", "charts/desk/chart.yaml", "shop"),
    ]
