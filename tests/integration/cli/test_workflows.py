"""The workflows of GitHub Actions, held against what lints them, offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from builder.charts.tools import go_install
from builder.ci.github import CONTAINER, FOLDER, GITHUB
from builder.common.process import Runner

ROOT = Path(__file__).parents[3]
TOOLS = Path(sys.executable).parent
KEPT = ROOT / "build" / "tools"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"


@pytest.fixture(scope="module", params=["committed", "shallow", "deep"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workflows of this repository, and those of catalogs of other depths."""
    if request.param == "committed":
        return ROOT / FOLDER
    root = tmp_path_factory.mktemp("workflows")
    levels = {"shallow": 1, "deep": 14}[request.param]
    for path, data in GITHUB.workflows(levels, {CONTAINER: f"sha256:{'1' * 64}"}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root / FOLDER


@pytest.fixture(scope="module")
def actionlint(runner: Runner) -> str:
    """actionlint, built by Go where it is missing: its package of PyPI holds no program."""
    found = shutil.which("actionlint", path=f"{TOOLS}:{KEPT}:{os.environ['PATH']}")
    go = shutil.which("go")
    if found is None and go is None:
        pytest.skip("neither actionlint nor go is on PATH")
    if found is None:
        runner.run(go_install(str(go), KEPT, ACTIONLINT))
    return found or str(KEPT / "actionlint")


def lint(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run a linter."""
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


def files(folder: Path) -> list[str]:
    found = sorted(map(str, folder.glob("*.yml")))
    assert len(found) >= 2
    return found


def test_actionlint(folder: Path, actionlint: str) -> None:
    done = lint(actionlint, "-shellcheck", str(TOOLS / "shellcheck"), *files(folder))
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor(folder: Path) -> None:
    argv = (str(TOOLS / "zizmor"), "--offline", "--no-config", "--format", "json")
    done = lint(*argv, "--persona", "auditor", *files(folder))
    found = {finding["ident"] for finding in json.loads(done.stdout)}
    # Only a registry knows the digest of the container, and `builder lock` may not have reached it.
    is_pinned = all(f"{CONTAINER}@" in Path(name).read_text() for name in files(folder))
    assert found == (set() if is_pinned else {"unpinned-images"}), done.stdout


BROKEN = """\
on: {pull_request_target: {}}
permissions: write-all
jobs:
  one:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.pull_request.title }}
"""


def test_the_linters_see_what_is_wrong(tmp_path: Path, actionlint: str) -> None:
    (tmp_path / "bad.yml").write_text(BROKEN)
    bad = str(tmp_path / "bad.yml")
    found = lint(str(TOOLS / "zizmor"), "--offline", "--no-config", bad)
    assert found.returncode != 0
    for rule in ("template-injection", "dangerous-triggers", "unpinned-uses"):
        assert rule in found.stdout
    found = lint(actionlint, bad)
    assert found.returncode != 0
    assert "potentially untrusted" in found.stdout
