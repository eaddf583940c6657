"""The scripts of bump.yml: what one job packs, the other proposes as a pull request, and no more.

git, tar and jq are real; `gh` is a script that notes what it was asked.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from builder.ci.github import GITHUB

GH = """#!/bin/sh
echo "$@" >> "$ASKED"
case "$1 $2" in
  "pr list") if [ -e "$OPEN" ]; then echo 7; fi ;;
  "pr view") cat "$OPEN" ;;
esac
"""
BODY = "- `spark` 4.2 can enter\n\n<!-- catalog builder: bump 110eada8bb09 -->\n\nA plan\n"
Script = Callable[..., subprocess.CompletedProcess[str]]


def scripts() -> tuple[str, str]:
    """Return the script that packs, and the one that opens the pull request."""
    jobs: dict[str, Any] = YAML(typ="safe").load(GITHUB.workflows(1)[".github/workflows/bump.yml"])[
        "jobs"
    ]
    (pack,) = (step["run"] for step in jobs["plan"]["steps"] if step.get("id") == "keep")
    return pack, jobs["pull-request"]["steps"][-1]["run"]


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    argv = ("git", *names, *arguments)
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A catalog in git with an origin, beside what it was before the proposal."""
    root = tmp_path / "site"
    (root / "images/base").mkdir(parents=True)
    for name, text in (
        ("matrix.yaml", "a: 1\n"),
        ("matrix.lock", "{}\n"),
        (".gitignore", "/build/\n"),
    ):
        (root / name).write_text(text)
    (root / "images/base/recipe.yaml").write_text("summary: S\n")
    git(tmp_path, "init", "--quiet", "--bare", "origin")
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "remote", "add", "origin", str(tmp_path / "origin"))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    git(root, "push", "--quiet", "origin", "main")
    (root / "build/before").mkdir(parents=True)
    (root / "build/before/matrix.yaml").write_text("a: 1\n")
    return root


@pytest.fixture
def script(site: Path, tmp_path: Path) -> Script:
    """Run a script as the workflow does."""
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin/gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{gh.parent}:{os.environ['PATH']}", "HOME": str(tmp_path),
        "ASKED": str(tmp_path / "asked"), "OPEN": str(tmp_path / "open"),
        "GITHUB_OUTPUT": str(tmp_path / "output"), "GH_REPO": "acme/catalog", "BASE": "main",
    }  # fmt: skip

    def run(text: str) -> subprocess.CompletedProcess[str]:
        argv = ("bash", "-e", "-o", "pipefail", "-c", text)
        return subprocess.run(
            argv, cwd=site, env=environment, check=False, capture_output=True, text=True, timeout=60
        )

    return run


def propose(site: Path, script: Script) -> None:
    """Change the catalog as `builder bump --write` does, pack it, and go back to what it was."""
    (site / "matrix.yaml").write_text("a: 2\n")
    (site / "images/base/recipe.yaml").write_text("summary: T\n")
    proposals = {"proposals": [{"axis": "spark", "line": "4.2", "action": "enter"}]}
    (site / "bump.json").write_text(json.dumps(proposals))
    (site / "body.md").write_text(BODY)
    done = script(scripts()[0])
    assert done.returncode == 0, done.stderr
    for name in ("bump.json", "body.md"):
        (site / name).unlink()
    git(site, "checkout", "--quiet", ".")
    (site / "build/lock").mkdir()
    (site / "build/lock.tar").rename(site / "build/lock/lock.tar")


def test_a_proposal_becomes_one_pull_request(site: Path, script: Script, tmp_path: Path) -> None:
    propose(site, script)
    assert (tmp_path / "output").read_text().startswith("moved=true\nsha256=")
    done = script(scripts()[1])
    assert done.returncode == 0, done.stderr
    assert git(site, "log", "--format=%s", "-1", "origin/bump") == "bump: spark 4.2 enter\n"
    changed = git(site, "diff", "--name-only", "main", "origin/bump").split()
    assert changed == ["images/base/recipe.yaml", "matrix.yaml"]
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[-1].startswith("pr create --head bump --base main --title bump: spark 4.2 enter")


def test_the_same_proposal_is_not_pushed_again(site: Path, script: Script, tmp_path: Path) -> None:
    propose(site, script)
    (tmp_path / "open").write_text(BODY)
    done = script(scripts()[1])
    assert (done.returncode, done.stdout) == (0, "::notice::pull request 7 proposes the same\n")
    assert git(site, "branch", "--all", "--list", "*bump*") == ""


def test_another_proposal_replaces_the_text(site: Path, script: Script, tmp_path: Path) -> None:
    propose(site, script)
    (tmp_path / "open").write_text("<!-- catalog builder: bump 000000000000 -->\n")
    assert script(scripts()[1]).returncode == 0
    assert "repos/acme/catalog/pulls/7" in (tmp_path / "asked").read_text().splitlines()[-1]


def test_what_holds_another_file_is_refused(site: Path, script: Script) -> None:
    propose(site, script)
    (site / ".github").mkdir()
    (site / ".github/evil.yml").write_text("x\n")
    archive = site / "build/lock/lock.tar"
    subprocess.run(["tar", "--append", "--file", archive, ".github/evil.yml"], cwd=site, check=True)
    (site / ".github/evil.yml").unlink()
    done = script(scripts()[1])
    assert done.returncode == 1
    assert done.stdout == (
        "::error::it holds other files than a proposal changes: .github/evil.yml\n"
    )
    assert (site / "matrix.yaml").read_text() == "a: 1\n"
