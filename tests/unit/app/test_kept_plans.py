"""A plan that is kept is shown for the same content alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.app import kept_plans
from builder.app.kept_plans import KeptPlan, KeptPlans, key_of
from builder.cli.plan import FORMATS
from builder.common.state_dir import StateDir
from builder.report import plan as forms

PLAN = KeptPlan(text="✓ a plan", notes=("note: \udcff",))
KEY = "a" * 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "images" / "desk").mkdir(parents=True)
    (tmp_path / "charts").mkdir()
    (tmp_path / "matrix.yaml").write_text("images: {}\n")
    (tmp_path / "images" / "desk" / "recipe.yaml").write_text("summary: A desk.\n")
    return tmp_path


def _edited(root: Path) -> None:
    (root / "images" / "desk" / "recipe.yaml").write_text("summary: A disk.\n")


def _executable(root: Path) -> None:
    (root / "images" / "desk" / "recipe.yaml").chmod(0o755)


def _renamed(root: Path) -> None:
    (root / "images" / "desk").rename(root / "images" / "dusk")


def _linked(root: Path) -> None:
    path = root / "images" / "desk" / "recipe.yaml"
    path.rename(root / "images" / "recipe.yaml")
    path.symlink_to("../recipe.yaml")


@pytest.mark.parametrize(
    "change",
    [
        _edited,
        _executable,
        _renamed,
        _linked,
        lambda root: (root / "images" / "new").mkdir(),
        lambda root: (root / "matrix.lock").write_text("{}"),
        lambda root: (root / "matrix.yaml").unlink(),
    ],
)
def test_the_key_follows_the_files(root: Path, change: Callable[[Path], object]) -> None:
    before = key_of(root, {})
    assert before == key_of(root, {})
    change(root)
    assert key_of(root, {}) not in (None, before)


def test_the_key_follows_what_was_asked_and_the_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {key_of(root, {}), key_of(root, {"today": "2026-12-01"})}
    monkeypatch.setenv("WORD", "secret")  # matrix.yaml may name it
    keys.add(key_of(root, {}))
    assert len(keys) == 3


def test_the_key_follows_the_code_of_the_builder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "builder"
    code.mkdir()
    (code / "one.py").write_text("ONE = 1\n")
    monkeypatch.setattr(kept_plans, "_BUILDER", code)
    before = key_of(root, {})
    (code / "__pycache__").mkdir()
    assert key_of(root, {}) == before
    (code / "one.py").write_text("ONE = 2\n")
    assert key_of(root, {}) != before


def test_what_is_no_file_and_a_package_that_adds_are_not_kept(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = tmp_path / "site" / "acme-1.dist-info"
    added.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(added.parent))
    assert key_of(root, {})
    (added / "entry_points.txt").write_text('[catalog_builder.engines]\nacme = "acme:ENGINE"\n')
    assert key_of(root, {}) is None
    (added / "entry_points.txt").unlink()
    os.mkfifo(root / "images" / "pipe")
    assert key_of(root, {}) is None
    (root / "images" / "pipe").unlink()
    (root / "images" / "loop").symlink_to("..")
    assert key_of(root, {}) is None


def test_a_plan_is_kept_until_its_file_is_changed(tmp_path: Path) -> None:
    plans = KeptPlans(StateDir(tmp_path))
    assert plans.get(KEY) is None
    plans.put(KEY, PLAN)
    assert plans.get(KEY) == PLAN
    (path,) = (tmp_path / "plans").iterdir()
    path.rename(path.with_name(f"{'b' * 64}.json"))  # the plan of something else
    assert plans.get("b" * 64) is None
    plans.put(KEY, PLAN)
    path.write_bytes(path.read_bytes().replace(b"a plan", b"a plot"))
    assert plans.get(KEY) is None
    plans.put(KEY, PLAN)
    assert plans.get(KEY) == PLAN


def test_the_plans_used_last_are_kept(tmp_path: Path) -> None:
    plans = KeptPlans(StateDir(tmp_path))
    for number in range(40):
        plans.put(f"{number:064}", PLAN)
    assert len(list((tmp_path / "plans").iterdir())) == kept_plans.MOST
    assert plans.get(f"{39:064}") == PLAN


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "plans").write_text("")
    plans = KeptPlans(StateDir(tmp_path))
    plans.put(KEY, PLAN)
    assert plans.get(KEY) is None


def test_the_formats_are_those_of_the_report() -> None:
    assert tuple(forms.FORMATS) == FORMATS
