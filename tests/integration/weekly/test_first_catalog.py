"""The catalog of `builder init`, from an empty folder to its release."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.testing.pod_runner import free_port

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.heavy


def builder(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (Path(sys.executable).with_name("builder"), *arguments)
    environment = {name: value for name, value in os.environ.items() if "BUILDER_" not in name}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=900, check=False
    )


@pytest.fixture(scope="module")
def demo(work: Path) -> Path:
    """A first catalog, with tools that are the same for every catalog, on a port of its own."""
    assert builder(work, "init", "demo").returncode == 0
    root = work / "demo"
    matrix = root / "matrix.yaml"
    lines = matrix.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith("  embedded:"))
    lines[at] = f"  embedded: 127.0.0.1:{free_port()}\n"
    matrix.write_text("".join(lines))
    (root / "build").mkdir()
    for name in ("tools", "toolroot"):
        if (ROOT / "build" / name).is_dir():
            (root / "build" / name).symlink_to(ROOT / "build" / name)
    return root


def test_a_first_week_builds_tests_and_releases_all_of_it(demo: Path) -> None:
    week = builder(demo, "weekly")
    assert week.returncode == 0, week.stdout + week.stderr
    assert "1 target: 1 built, 0 unchanged, 0 failed or blocked; 1 chart" in week.stdout
    assert (demo / "build/charts/index.yaml").is_file()
    assert (demo / "matrix.lock").is_file()


def test_a_second_week_builds_nothing(demo: Path) -> None:
    week = builder(demo, "weekly")
    assert week.returncode == 0, week.stdout + week.stderr
    assert "1 target: 0 built, 1 unchanged, 0 failed or blocked" in week.stdout


def test_an_image_on_it_is_a_folder_and_a_line(demo: Path) -> None:
    """As its README says."""
    (demo / "images/paper").mkdir()
    (demo / "images/paper/recipe.yaml").write_text("summary: Paper\npackages:\n  apt: [jq]\n")
    (demo / "images/paper/Dockerfile.j2").write_text(
        "FROM {{ parent }}\n{{ install(packages) }}\nUSER 1000\n"
    )
    matrix = demo / "matrix.yaml"
    line = "  page: {from: debian, axes: [debian]}\n"
    assert line in matrix.read_text()
    matrix.write_text(matrix.read_text().replace(line, f"{line}  paper: {{from: page}}\n"))
    for command in (("lock",), ("build", "-s", "paper")):
        done = builder(demo, *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_builder_new_writes_passes_its_own_tests(demo: Path) -> None:
    for arguments in (
        ("recipe", "my-tool", "--on", "page"),
        ("service", "my-dash", "--on", "debian"),
        ("chart", "my-page", "--image", "my-tool"),
        ("feature", "my-greeting"),
    ):
        done = builder(demo, "new", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    chart = demo / "charts/my-dash/chart.yaml"
    chart.write_text(chart.read_text().replace("extra-env]", "extra-env, my-greeting]"))
    week = builder(demo, "weekly", "-s", "my-tool", "-s", "my-dash")
    assert week.returncode == 0, week.stdout + week.stderr
    assert "2 built" in week.stdout
    checked = builder(demo, "charts", "check", "build/charts/my-dash-1.0.0.tgz")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert {path.name for path in (demo / "build/charts").glob("my-*.tgz")} == {
        "my-dash-1.0.0.tgz",
        "my-page-1.0.0.tgz",
    }


def test_an_image_without_the_folder_where_charts_start_is_told_so(demo: Path) -> None:
    dockerfile = demo / "images/page/Dockerfile.j2"
    text = dockerfile.read_text()
    assert " /home/onyxia /home/onyxia/work" in text
    dockerfile.write_text(text.replace(" /home/onyxia /home/onyxia/work", " /home/onyxia"))
    try:
        week = builder(demo, "weekly", "-s", "page")
    finally:
        dockerfile.write_text(text)
    assert week.returncode == 5
    assert "the image has no folder /home/onyxia/work, in which its chart starts" in week.stderr
