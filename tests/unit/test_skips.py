"""`pytest --no-skips`, which `make test` uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import CANNOT_BE_HAD

ROOT = Path(__file__).parents[2]
SUITE = """
import pytest

{top}

def test_it():
    {body}
"""


def run(folder: Path, *options: str, top: str = "", body: str = "pass") -> tuple[int, str]:
    """Run a test with the rule; the exit code, and what pytest printed."""
    (folder / "test_one.py").write_text(SUITE.format(top=top, body=body))
    argv = [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "tests.skips",
            "-p", "no:cacheprovider", "-rs", *options, str(folder)]  # fmt: skip
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "suite",
    [
        {"body": "pytest.skip('no tool')"},
        {"top": "pytestmark = pytest.mark.skipif(True, reason='no tool')"},
        {"top": "pytest.skip('no tool', allow_module_level=True)"},
        {"top": "pytest.importorskip('no_such_module', reason='no tool')"},
    ],
)
def test_a_skip_for_what_can_be_had_fails(tmp_path: Path, suite: dict[str, str]) -> None:
    code, _ = run(tmp_path, **suite)
    assert code in (0, 5)  # 5: nothing was collected
    code, said = run(tmp_path, "--no-skips", **suite)
    assert code in (1, 2)  # 2: a file could not be collected
    assert "skipped, and may not be: no tool" in said


def test_what_cannot_be_had_is_named(tmp_path: Path) -> None:
    for reason in CANNOT_BE_HAD:
        code, said = run(tmp_path, "--no-skips", body=f"pytest.skip({f'{reason}: x'!r})")
        assert code == 0
        assert f"{reason}: x" in said


def test_what_is_expected_to_fail_is_no_skip(tmp_path: Path) -> None:
    code, _ = run(tmp_path, "--no-skips", body="pytest.xfail('not yet')")
    assert code == 0
