"""What a checkout offers by itself: `make run`, `.ci/run`, and the same bytes everywhere."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from builder.catalog.selection import select
from builder.project import Workspace
from tests.skips import NO_GIT

ROOT = Path(__file__).parents[2]


def test_the_starter_slice_is_light_and_on_both_debians() -> None:
    text = (ROOT / "Makefile").read_text().replace("\\\n", "")
    match = re.search(r"^STARTER := (.*)$", text, re.MULTILINE)
    assert match
    words = [word for word in shlex.split(match[1]) if word != "-s"]
    expansion = Workspace(ROOT).load().expansion
    found = [expansion.targets[key] for key in select(expansion, words)]
    images = {target.variant.image for target in found}
    assert {"base", "python-minimal", "r-minimal", "jupyter-python"} <= images
    assert {target.variant.values["debian"] for target in found} == {"13", "12"}
    assert {target.variant.values.get("cuda", "none") for target in found} == {"none"}
    assert len(found) <= 14


USAGE = "usage: .ci/run: lint the catalog builder and run its tests, as `make test` does\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--help"], 0, USAGE),
        (["-h"], 0, USAGE),
        (["all"], 2, ".ci/run: unknown arguments: all (see .ci/run --help)\n"),
        (["--help", "x"], 2, ".ci/run: unknown arguments: --help x (see .ci/run --help)\n"),
        ([""], 2, ".ci/run: unknown arguments:  (see .ci/run --help)\n"),
    ],
)
def test_what_ci_runs_takes_no_arguments(words: list[str], code: int, said: str) -> None:
    argv = [str(ROOT / ".ci" / "run"), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout + done.stderr) == (code, said)


def test_a_clone_where_git_writes_crlf_has_none(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip(NO_GIT)
    options = ["--quiet", "--config", "core.autocrlf=true", "--depth=1"]
    subprocess.run(["git", "clone", *options, f"file://{ROOT}", str(tmp_path / "c")], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--eol"], cwd=tmp_path / "c", check=True, capture_output=True, text=True
    ).stdout
    assert "w/lf" in listed
    assert "w/crlf" not in listed
    assert "w/mixed" not in listed
