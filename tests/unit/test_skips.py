"""`pytest --no-skips`, which `make test` uses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.skips import CANNOT_BE_HAD

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SUITE = """
import pytest

{top}

def test_it():
    {body}
"""


def suite(*, top: str = "", body: str = "pass") -> str:
    """A file with one test."""
    return SUITE.format(top=top, body=body)


def run(folder: Path, suites: Sequence[str], *options: str) -> tuple[int, str]:
    """Run tests with the rule; the exit code, and what pytest printed."""
    for number, text in enumerate(suites):
        (folder / f"test_{number}.py").write_text(text)
    argv = [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "tests.skips",
            "-p", "no:cacheprovider", "-rs", *options, str(folder)]  # fmt: skip
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout


def test_a_skip_for_what_can_be_had_fails(tmp_path: Path) -> None:
    suites = [
        suite(body="pytest.skip('no tool')"),
        suite(top="pytestmark = pytest.mark.skipif(True, reason='no tool')"),
        suite(top="pytest.skip('no tool', allow_module_level=True)"),
        suite(top="pytest.importorskip('no_such_module', reason='no tool')"),
    ]
    code, said = run(tmp_path, suites)
    assert (code, "4 skipped" in said) == (0, True)
    code, said = run(tmp_path, suites, "--no-skips", "--continue-on-collection-errors")
    assert code == 1
    assert "1 failed, 3 errors" in said
    assert said.count("skipped, and may not be: no tool") == 4


def test_what_cannot_be_had_is_named(tmp_path: Path) -> None:
    suites = [suite(body=f"pytest.skip({f'{reason}: x'!r})") for reason in CANNOT_BE_HAD]
    code, said = run(tmp_path, suites, "--no-skips")
    assert code == 0
    assert all(f"{reason}: x" in said for reason in CANNOT_BE_HAD)


def test_what_is_expected_to_fail_is_no_skip(tmp_path: Path) -> None:
    code, _ = run(tmp_path, [suite(body="pytest.xfail('not yet')")], "--no-skips")
    assert code == 0
