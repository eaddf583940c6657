"""The real job on the starter's recipes, run once for the whole session."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.app.app import App
from builder.app.load import load
from builder.app.options import Options
from builder.cli.open import notify
from builder.testing.pod_runner import free_port
from tests.fakes.report import check_report

ROOT = Path(__file__).parents[2]
BUILDER = Path(sys.executable).with_name("builder")
TODAY = "2026-11-23"

# What every image of the catalog stands on, on Debian 13 alone.
GROUND = """\
  duckdb: {{from: debian, axes: [debian], publish: false}}
  kubernetes-tools: {{from: debian, axes: [debian], publish: false}}
  base: {{from: debian, axes: [debian], inputs: [duckdb, kubernetes-tools]}}
"""

# One line of each language on one base: half of the starter, all of its recipes.
MATRIX = (
    """\
catalog:
  name: starter
  repository: "{{registry}}/test-{{image}}"
  registries: [embedded]
  embedded: 127.0.0.1:{port}
lock: {{cooldown: 0d}}  # the tests play two weeks on one day: versions do not come of age
axes:
  debian:
    "13": {{sources: [{{bootstrap: trixie}}]}}
  python:
    "3.13": {{provider: apt, requires: {{debian: "13"}}, tag: "py{{version}}"}}
  r:
    "4.5": {{provider: apt, requires: {{debian: "13"}}, tag: "r{{version}}"}}
images:
"""
    + GROUND
    + """\
  python-minimal: {{from: base, axes: [python]}}
  r-minimal: {{from: base, axes: [r]}}
  jupyter-python: {{recipe: jupyter, from: python-minimal}}
  jupyter-r: {{recipe: jupyter, from: r-minimal}}
charts:
  jupyter-python: {{recipe: jupyter, image: jupyter-python}}
  jupyter-r: {{recipe: jupyter, image: jupyter-r}}
"""
)


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """A catalog of its own in `root`, and how the builder is run on it."""

    root: Path

    @property
    def state(self) -> Path:
        """What is derived."""
        return self.root / "build"

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the builder as a user does."""
        return subprocess.run(
            [str(BUILDER), *arguments, "--root", str(self.root)],
            capture_output=True,
            text=True,
            check=False,
            timeout=1500,
            env={**os.environ, "BUILDER_TODAY": TODAY, **environment},
        )

    def report(self) -> dict[str, Any]:
        """What the last week left."""
        text = (self.state / "report.json").read_text()
        check_report(text)
        data: dict[str, Any] = json.loads(text)
        return data

    def session(self, *select: str) -> App:
        """The builder's own parts, on this catalog."""
        options = Options(today=TODAY, select=select, engine="podman")
        return App(load(self.root), options, notify=notify)

    def borrow_tools(self) -> None:
        """Use the tools that `make setup` made: they are the same for every catalog."""
        self.state.mkdir(exist_ok=True)
        for name in ("tools", "toolroot"):
            if (ROOT / "build" / name).is_dir():
                (self.state / name).symlink_to(ROOT / "build" / name)


def scratch(prefix: str) -> Path:
    """A folder on the disk that the builder itself uses; engines dislike a tmpfs."""
    (ROOT / "build").mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=ROOT / "build"))


@contextlib.contextmanager
def first_week(matrix: str) -> Iterator[Catalog]:
    """A catalog with the recipes and charts of this one, after its first week."""
    root = scratch("test-starter-")
    try:
        (root / "matrix.yaml").write_text(matrix.format(port=free_port()))
        for name in ("images", "charts"):
            shutil.copytree(ROOT / name, root / name)
        catalog = Catalog(root=root)
        catalog.borrow_tools()
        done = catalog.run("weekly")
        assert done.returncode == 0, done.stderr + done.stdout
        yield catalog
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def starter() -> Iterator[Catalog]:
    """The starter's recipes after their first week."""
    with first_week(MATRIX) as catalog:
        yield catalog
